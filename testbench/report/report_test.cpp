// Result JSON, files that are whole or absent, and the account.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include "testbench/report/account.hpp"
#include "testbench/report/result.hpp"

namespace vfsim::bench {
namespace {

Result sample(std::size_t migrations) {
  Result r;
  r.scenario = "migrate";
  r.title = "one VF migrates";
  r.seed = 1;
  r.verdict = "pass";
  r.events_digest = "0123456789abcdef";
  for (std::size_t i = 0; i < migrations; ++i) {
    MigrationResult m;
    m.outcome = "completed";
    for (int p = 0; p < 30; ++p) {
      m.phases.push_back({"phase " + std::to_string(p), 10, 20});
    }
    r.migrations.push_back(m);
  }
  for (int i = 0; i < 26; ++i) {
    r.rules.push_back(
        {"Q" + std::to_string(i), "title", 1000, 0, i % 5 == 0 ? "not exercised" : "held", ""});
  }
  for (int i = 0; i < 50; ++i) {
    r.violations.push_back({"Q1", 5, "A.vf0", std::string(300, 'x'), "y"});
  }
  return r;
}

TEST(Report, JsonHasTheSchemasKeys) {
  const auto json = nlohmann::json::parse(to_json(sample(2)));
  EXPECT_EQ(json["schema"], "vfsim.result/1");
  for (const char* key : {"scenario", "seed", "verdict", "sim_time_ns", "wall_s", "tlps",
                          "events_digest", "migrations", "rules", "oracle", "violations"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  for (const char* key :
       {"vf", "downtime_ns", "phases", "state_bytes", "precopy_rounds", "outcome"}) {
    EXPECT_TRUE(json["migrations"][0].contains(key)) << key;
  }
  for (const char* key : {"tx_posted", "tx_completed", "tx_on_wire", "rx_accepted", "rx_delivered",
                          "lost", "duplicated", "corrupted", "reordered", "interrupts_lost",
                          "missed_dirty_pages", "memory_mismatch_bytes"}) {
    EXPECT_TRUE(json["oracle"].contains(key)) << key;
  }
  EXPECT_EQ(json["migrations"].size(), 2U);
  EXPECT_EQ(json["violations"].size(), 50U);
}

TEST(Report, JsonReadsBackWhatWasWritten) {
  Result r = sample(2);
  r.seed = UINT64_MAX;
  r.wall_s = 0.25;
  r.migrations[1].reason = "two\nlines \"quoted\"";
  r.oracle.tx_discarded = 7;
  r.oracle.tx_abandoned = 8;
  r.oracle.rx_discarded = 9;
  Result back;
  std::string error;
  ASSERT_TRUE(from_json(to_json(r), back, error)) << error;
  EXPECT_EQ(to_json(back), to_json(r));
  EXPECT_EQ(back.seed, UINT64_MAX);
  EXPECT_EQ(back.migrations[1].reason, r.migrations[1].reason);
  const std::string line = to_json_line(r);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  ASSERT_TRUE(from_json(line, back, error)) << error;
  EXPECT_EQ(to_json_line(back), line);
}

TEST(Report, JsonOfAnotherKindIsRefused) {
  Result r;
  std::string error;
  const auto refused = [&](const std::string& text) {
    return from_json(text, r, error) ? "taken" : error;
  };
  EXPECT_EQ(refused(""), "no JSON object");
  EXPECT_EQ(refused("[1]"), "no JSON object");
  EXPECT_EQ(refused("{\"schema\": \"other\"}"), "schema: allowed is vfsim.result/1");
  const std::string head = "{\"schema\": \"vfsim.result/1\", ";
  EXPECT_EQ(refused(head + "\"seed\": -1}"), "seed: is no whole number that fits");
  EXPECT_EQ(refused(head + "\"verdict\": 1}"), "verdict: is no text");
  EXPECT_EQ(refused(head + "\"oracle\": {\"lost\": \"x\"}}"),
            "oracle.lost: is no whole number that fits");
  EXPECT_EQ(refused(head + "\"migrations\": [{}, {\"vf\": 4294967296}]}"),
            "migrations[1].vf: is no whole number that fits");
  EXPECT_EQ(refused(head + "\"rules\": {}}"), "rules: is no list");
  EXPECT_EQ(refused(head + "\"seed\": 3, \"newer\": []}"), "taken");
  EXPECT_EQ(r.seed, 3U);
}

TEST(Report, AccountIsShortAsciiAndNarrow) {
  for (const std::size_t migrations : {0U, 1U, 2U, 3U, 20U}) {
    const std::string text = account(sample(migrations));
    EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 40) << migrations;
    EXPECT_TRUE(std::all_of(text.begin(), text.end(),
                            [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
    EXPECT_NE(text.find("verdict: pass"), std::string::npos);
    EXPECT_NE(text.find("not exercised: Q0 Q5"), std::string::npos);
  }
}

TEST(Report, AccountSaysWhatWasDrawn) {
  Result r = sample(1);
  EXPECT_EQ(account(r).find("\ndrawn"), std::string::npos);
  r.drawn = {{"nic.vfs", "5"}, {"step 1", "migrate guest=1"}};
  EXPECT_NE(account(r).find("\ndrawn nic.vfs = 5; step 1 = migrate guest=1;\n"), std::string::npos);
  r.drawn.resize(60, {"nic.vfs", "5"});
  const std::string text = account(r);
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 40);
  EXPECT_NE(text.find(" more\n"), std::string::npos);
}

TEST(Report, UnitsFit) {
  EXPECT_EQ(duration(0), "0 ns");
  EXPECT_EQ(duration(56700), "56.7 us");
  EXPECT_EQ(duration(1234567), "1.235 ms");
  EXPECT_EQ(size(100), "100 B");
  EXPECT_EQ(size(1 << 20), "1024.0 KiB");
  EXPECT_EQ(size(64 << 20), "64.0 MiB");
}

TEST(Report, FilesAreWholeOrAbsent) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(testing::TempDir()) / "vf_report_test";
  fs::remove_all(folder);
  std::string error;
  const std::string file = (folder / "a" / "r.json").string();
  ASSERT_TRUE(write_file(file, "text", error)) << error;
  EXPECT_TRUE(fs::exists(file));
  EXPECT_FALSE(fs::exists(file + ".part"));
  EXPECT_FALSE(write_file((folder / "a").string(), "text", error));  // a folder is in the way
  EXPECT_EQ(error.rfind((folder / "a").string() + ": cannot be written: ", 0), 0U) << error;
  EXPECT_FALSE(fs::exists(folder / "a.part"));
  fs::remove_all(folder);
}

}  // namespace
}  // namespace vfsim::bench
