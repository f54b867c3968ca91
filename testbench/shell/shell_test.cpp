// vfsim shell as a user runs it: scripts in, text and exit status out.
#include <algorithm>
#include <cstdio>
#include <map>
#include <random>
#include <regex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testbench/cli/cli_rig.hpp"

namespace vfsim::bench {
namespace {

using testing::HasSubstr;
using testing::Not;

struct ShellRun {
  int status = -1;
  std::string output;  // standard output

  /// What followed the n-th command (from 0), without the prompt's line.
  [[nodiscard]] std::vector<std::string> answers() const {
    std::vector<std::string> found;
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);) {
      if (line.rfind("(vfsim ", 0) == 0) {
        found.emplace_back();
      } else if (!found.empty()) {
        found.back() += line + "\n";
      }
    }
    return found;
  }
};

ShellRun shell(const std::string& arguments, const std::string& script) {
  const std::string folder = test_folder();
  std::ofstream(folder + "/script.vfs") << script;
  const std::string command = "cd " + folder + " && " + std::string(VF_CLI) + " shell " + arguments +
                              " --script script.vfs > out.txt 2> err.txt";
  ShellRun run;
  const int status = std::system(command.c_str());
  run.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  run.output = read_file(folder + "/out.txt");
  return run;
}

std::string digest_in(const std::string& answer) {
  std::smatch found;
  return std::regex_search(answer, found, std::regex("events +([0-9a-f]{16})")) ? found[1].str() : "";
}

std::uint64_t event_in(const std::string& answer) {
  std::smatch found;
  return std::regex_search(answer, found, std::regex(", event ([0-9]+)")) ? std::stoull(found[1].str()) : 0;
}

/// The session of docs/howto/shell.md, as it stands there.
TEST(Shell, TranscriptOfTheDocs) {
  const std::string folder = VF_SOURCE_DIR "/docs/examples/shell/";
  const ShellRun run = shell("lost_completion", read_file(folder + "lost_completion.vfs"));
  EXPECT_EQ(run.status, 0) << run.output;
  EXPECT_EQ(run.output, read_file(folder + "lost_completion.txt"))
      << "if the change is meant: ./vfsim shell lost_completion --script lost_completion.vfs > lost_completion.txt";
}

TEST(Shell, StoppingAndLookingDoNotChangeTheRun) {
  const CliRun straight = run_cli("migrate");
  const ShellRun run = shell("migrate", "run 103.1ms\nstep 7 tlp\nuntil time > 104.9ms\nstate vf0\nqueues vf0\nregs vf0\nrun 3us\n"
                                        "step command\nfinish\ndigest\n");
  EXPECT_EQ(run.status, 0) << run.output;
  EXPECT_EQ(digest_in(run.answers().back()), straight.digest());
}

/// 100 jumps, back and forth, each compared with the same moment of a run that never went back.
TEST(Shell, EveryMomentIsTheSameWhateverTheWayToIt) {
  constexpr std::uint64_t kEvents = 270'000;
#ifdef __SANITIZE_ADDRESS__
  constexpr int kJumps = 8;  // each is a fork of a process with a large shadow, and a run
#else
  constexpr int kJumps = 100;
#endif
  std::mt19937_64 random(7);
  std::string jumps;
  for (int i = 0; i < kJumps; ++i) {
    const std::uint64_t n = random();
    jumps += n % 5 == 0   ? "back " + std::to_string(1 + n / 5 % 40) + " tlp\n"
             : n % 5 == 1 ? "back " + std::to_string(1 + n / 5 % 2000) + "ns\n"
             : n % 5 == 2 ? "checkpoint\nstep 50\nback 20\nrestore 1\n"
                          : "goto #" + std::to_string(1 + n / 5 % kEvents) + "\n";
    jumps += "digest\n";
  }
  const ShellRun there = shell("migrate", "goto #1000\ncheckpoint\n" + jumps);
  std::map<std::uint64_t, std::string> seen;  // by event
  std::uint64_t event = 0;
  std::uint64_t compared = 0;
  for (const std::string& answer : there.answers()) {
    event = event_in(answer) != 0 ? event_in(answer) : event;
    if (const std::string digest = digest_in(answer); !digest.empty()) {
      const auto [place, fresh] = seen.emplace(event, digest);
      EXPECT_EQ(place->second, digest) << "event " << event;
      ++compared;
    }
  }
  EXPECT_EQ(compared, kJumps) << there.output.substr(0, 2000);
  std::string straight;
  for (const auto& [n, digest] : seen) {
    straight += "goto #" + std::to_string(n) + "\ndigest\n";
  }
  const auto answers = shell("migrate", straight).answers();
  std::size_t at = 0;
  for (const auto& [n, digest] : seen) {
    EXPECT_EQ(digest_in(answers.at(2 * at + 1)), digest) << "event " << n;
    ++at;
  }
  EXPECT_GT(seen.size(), kJumps / 2);
}

TEST(Shell, ReverseContinueFindsTheLastBreakThatWasPassed) {
  const ShellRun run = shell("migrate", "break on command SUSPEND_VHCA vf0 done\nbreak on time 105.1ms\nfinish\nreverse-continue\n"
                                        "reverse-continue\nreverse-continue\n");
  const auto answers = run.answers();
  EXPECT_THAT(answers[3], HasSubstr("SUSPEND_VHCA"));
  EXPECT_GT(event_in(answers[3]), event_in(answers[4]));
  EXPECT_GT(event_in(answers[4]), event_in(answers[5]));
}

TEST(Shell, ABreakStopsBehindItsEventAndATbreakOnce) {
  const ShellRun run = shell("migrate", "tbreak on state A.vf0 PRE_COPY\nbreak on rule\nwatch A.vf0.initiator_stopped\nrun\nbreaks\nrun\n"
                                        "print A.vf0.initiator_stopped\nexpect A.vf0.outstanding_reads == 0\nexpect A.vf0.inflight_writes == 0\n");
  const auto answers = run.answers();
  EXPECT_EQ(run.status, 0) << run.output;
  EXPECT_THAT(answers[3], HasSubstr("break 1"));
  EXPECT_THAT(answers[3], HasSubstr("arc RUNNING -> PRE_COPY"));
  EXPECT_THAT(answers[4], Not(HasSubstr("tbreak")));
  EXPECT_THAT(answers[5], HasSubstr("A.vf0.initiator_stopped: 0 -> 1"));
}

TEST(Shell, ABreakOnARuleStopsAtTheGuiltyEvent) {
  const ShellRun run = shell("stop_copy --set pcie.latency_ns=5000 --fault ack_before_drain", "break on rule Q2\nrun\nrules Q2\n");
  EXPECT_THAT(run.answers()[1], HasSubstr("SUSPEND_VHCA INITIATOR"));
  EXPECT_THAT(run.answers()[2], HasSubstr("violations   1"));
}

TEST(Shell, WhatWasDoneIsDoneAgainWhenTimeIsTurnedBack) {
  const ShellRun run = shell("migrate", "run 103ms\nwrite mem A 0x3f00000 0x1234 4\nsend 2\nrun 50us\ncheckpoint\ndigest\n"
                                        "run 100us\nback 100us\ngoto 103.05ms\ndigest\nmem A 0x3f00000 4\nrestore 1\ndigest\n");
  const auto answers = run.answers();
  ASSERT_EQ(answers.size(), 13U) << run.output;
  const std::string digest = digest_in(answers[5]);
  EXPECT_NE(digest, "");
  EXPECT_EQ(digest_in(answers[9]), digest);
  EXPECT_THAT(answers[10], HasSubstr("34 12 00 00"));
  EXPECT_EQ(digest_in(answers[12]), digest);
}

TEST(Shell, AParameterIsChangedByRunningAgain) {
  const ShellRun run = shell("migrate", "run 103ms\nset nic.vfs=4\nparams nic.vfs\nset nic.vfs=0\nset nic.nix=1\nwhere\n");
  const auto answers = run.answers();
  EXPECT_THAT(answers[1], HasSubstr("103.000000000 ms"));
  EXPECT_THAT(answers[2], HasSubstr("4"));
  EXPECT_THAT(answers[3], HasSubstr("--set nic.vfs=0"));
  EXPECT_THAT(answers[4], HasSubstr("unknown parameter"));
  EXPECT_THAT(answers[5], HasSubstr("103.000000000 ms"));
  EXPECT_EQ(run.status, 2);
}

TEST(Shell, WavesOfAnyPartOfThePast) {
  const ShellRun run = shell("migrate", "goto 105.08ms\nwave a/last.fst last 5us\nwave all.fst groups all\nwave x.fst from 105ms to 104ms\n"
                                        "wave x.fst last 5us groups nix\ndigest\n");
  const auto answers = run.answers();
  EXPECT_THAT(answers[1], HasSubstr("105.075000000 ms to 105.080000000 ms"));
  EXPECT_THAT(answers[2], HasSubstr("0.000000000 ms to 105.080000000 ms"));
  EXPECT_THAT(answers[3], HasSubstr("is no part of the past"));
  EXPECT_THAT(answers[4], HasSubstr("'nix' is unknown"));
}

/// Each of these is one line that names what is wrong, and the session goes on.
TEST(Shell, MistakesAreOneLineAndTheSessionGoesOn) {
  const std::vector<std::pair<std::string, std::string>> mistakes = {
      {"frobnicate", "unknown command 'frobnicate'"},
      {"stpe", "did you mean 'step'?"},
      {"s", "may be"},
      {"step 3 tlps", "did you mean 'tlp'?"},
      {"step 0", "usage: step"},
      {"run 5", "usage: run"},
      {"run 5 parsecs", "usage: run"},
      {"until", "usage: until"},
      {"until A.vf0.outstanding_read > 1", "did you mean 'A.vf0.outstanding_reads'?"},
      {"until (1", "column"},
      {"back 1 rule", "fewer than 1"},
      {"back 500ms", "the run began"},
      {"goto yesterday", "usage: goto"},
      {"restore 9", "there is no checkpoint 9"},
      {"break tlp", "usage: break"},
      {"break on tlp MRx", "did you mean 'MRd'?"},
      {"break on time soon", "is no time"},
      {"watch nothing.at.all", "there is no 'nothing.at.all'"},
      {"delete 7", "there is no break '7'"},
      {"display a +", "there is no 'a'"},
      {"source /nonexistent", "cannot be read"},
      {"restart nic.nix=1", "unknown parameter"},
      {"state vf99", "there is no function 'vf99'"},
      {"mem A", "usage: mem"},
      {"mem C 0", ""},
      {"print", "usage: print"},
      {"wave", "usage: wave"},
      {"\"open", "a quote is not closed"},
  };
  std::string script = "run 103ms\n";
  for (const auto& [line, error] : mistakes) {
    script += line + "\n";
  }
  const ShellRun run = shell("migrate", script + "print time\n");
  const auto answers = run.answers();
  ASSERT_EQ(answers.size(), mistakes.size() + 2) << run.output;
  for (std::size_t i = 0; i < mistakes.size(); ++i) {
    EXPECT_THAT(answers[i + 1], HasSubstr(mistakes[i].second)) << mistakes[i].first;
    EXPECT_EQ(std::count(answers[i + 1].begin(), answers[i + 1].end(), '\n'), 1) << answers[i + 1];
  }
  EXPECT_EQ(answers.back(), "time = 103000000\n");
  EXPECT_EQ(run.status, 2);
}

TEST(Shell, ExitStatusTellsScriptsHowItWent) {
  EXPECT_EQ(shell("ping_pong", "step\nexpect events == 1\n").status, 0);
  EXPECT_EQ(shell("ping_pong", "step\nexpect events == 2\n").status, 1);
  EXPECT_EQ(shell("ping_pong", "nonsense\n").status, 2);
  EXPECT_EQ(shell("no_such_scenario", "step\n").status, 2);
  EXPECT_EQ(shell("ping_pong --fault tx_duplicated", "finish\n").status, 1);
}

}  // namespace
}  // namespace vfsim::bench
