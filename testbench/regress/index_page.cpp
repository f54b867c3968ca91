#include "testbench/regress/index_page.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>

#include "testbench/checkers/rule_set.hpp"
#include "testbench/regress/index_page_html.hpp"
#include "testbench/regress/plan.hpp"
#include "testbench/report/markup.hpp"

namespace vfsim::bench {
namespace {

constexpr std::size_t kFailures = 200;  // told in full; the table of scenarios has them all
constexpr std::size_t kBins = 100;      // names of a list of coverage bins

std::string replaced(std::string page, std::string_view mark, const std::string& text) {
  return page.replace(page.find(mark), mark.size(), text);
}

std::string fold(const std::string& title, bool open, const std::string& content) {
  return fmt::format("<details{}><summary><h2>{}</h2></summary>\n{}</details>\n",
                     open ? " open" : "", escaped(title), content);
}

std::string link(const CaseResult& c, const std::string& root, const char* file,
                 const std::string& text) {
  return c.evidence.empty() ? escaped(text)
                            : fmt::format("<a href=\"{}{}\">{}</a>", escaped(root + c.evidence),
                                          file, escaped(text));
}

std::string tag(const char* style, const std::string& text) {
  return fmt::format("<span class=\"{}\">{}</span>", style, escaped(text));
}

struct Row {
  std::string scenario;
  std::vector<const CaseResult*> cases;
  std::size_t ran = 0, passed = 0;
  double wall_s = 0, slowest_s = 0;
};

std::vector<Row> rows_of(const Regression& r) {
  std::map<std::string, Row> rows;
  for (const CaseResult& c : r.cases) {
    Row& row = rows[c.what.run.scenario];
    row.scenario = c.what.run.scenario;
    row.cases.push_back(&c);
    row.ran += c.ran() ? 1 : 0;
    row.passed += c.passed() ? 1 : 0;
    row.wall_s += c.wall_s;
    row.slowest_s = std::max(row.slowest_s, c.wall_s);
  }
  std::vector<Row> list;
  for (auto& [name, row] : rows) {
    list.push_back(std::move(row));
  }
  std::stable_sort(list.begin(), list.end(),
                   [](const Row& a, const Row& b) { return a.ran - a.passed > b.ran - b.passed; });
  return list;
}

std::string head(const Regression& r, const std::vector<Row>& rows) {
  std::size_t ran = 0;
  std::size_t passed = 0;
  for (const Row& row : rows) {
    ran += row.ran;
    passed += row.passed;
  }
  std::string out =
      fmt::format("<h1><span class=\"badge {0}\">{0}</span> {1} of {2} cases passed</h1>\n",
                  r.passed() ? "pass" : "fail", passed, ran);
  out += fmt::format("<p>{} scenarios, {:.1f} s, {:.1f} cases a second</p>\n", rows.size(),
                     r.wall_s, r.wall_s > 0 ? static_cast<double>(ran) / r.wall_s : 0);
  if (ran < r.total) {
    out += fmt::format("<p class=\"warn\">{} of {} cases were not run{}</p>\n", r.total - ran,
                       r.total, r.ended.empty() ? " here" : ": " + escaped(r.ended));
  }
  if (const std::string causes = causes_text(r); !causes.empty()) {
    out += "<p>failures by cause: <b>" + escaped(causes) + "</b></p>\n";
  }
  return out + fmt::format("<p class=\"soft\">digest of all events digests <code>{}</code></p>\n",
                           digest_of_digests(r));
}

std::string failure(const CaseResult& c, const std::string& root) {
  std::string out = fmt::format("<div class=\"case\" id=\"case{}\">\n<p><b>{}</b>", c.what.id,
                                link(c, root, "/report.html", c.what.label));
  if (!c.evidence.empty()) {
    out +=
        fmt::format(" <span class=\"soft\">{}, {}</span>", link(c, root, "/report.html", "report"),
                    link(c, root, "/waves.fst", "waves"));
  }
  return out + fmt::format("</p>\n<p>{}</p>\n<p><code>{}</code></p>\n</div>\n", escaped(reason(c)),
                           escaped(replay_command(c.what.run)));
}

std::string failures(const Regression& r, const std::string& root) {
  std::string out;
  std::size_t count = 0;
  for (const CaseResult& c : r.cases) {
    if (c.ran() && !c.passed() && ++count <= kFailures) {
      out += failure(c, root);
    }
  }
  if (count > kFailures) {
    out += fmt::format("<p class=\"soft\">{} more are in the results</p>\n", count - kFailures);
  }
  return count == 0 ? "" : fold(fmt::format("Failing cases ({})", count), true, out);
}

// ---- trend

std::string list_of(const char* style, const std::string& title,
                    const std::vector<const CaseResult*>& cases, const std::string& root) {
  std::string out;
  for (const CaseResult* c : cases) {
    out += (out.empty() ? "" : ", ") + link(*c, root, "/report.html", c->what.label);
  }
  return cases.empty() ? ""
                       : fmt::format("<h3>{}</h3>\n<p>{}</p>\n",
                                     tag(style, fmt::format("{} ({})", title, cases.size())), out);
}

std::string bins(const char* title, const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < std::min(kBins, names.size()); ++i) {
    out += escaped(names[i]) + "<br>\n";
  }
  return names.empty() ? ""
                       : fmt::format("<h3>{} ({})</h3>\n<p>{}{}</p>\n", title, names.size(), out,
                                     names.size() > kBins ? "..." : "");
}

std::string paces(const Trend& t) {
  std::string rows;
  for (const Pace& p : t.paces) {
    if (p.slower() || p.faster()) {
      rows += fmt::format(
          "<tr><td>{}</td><td>{}</td><td class=\"num\">{:.2f}</td><td class=\"num\">"
          "{:.2f}</td><td class=\"num\">{:.2f}</td></tr>\n",
          escaped(p.scenario), p.slower() ? tag("warn", "slower") : tag("good", "faster"), p.now_s,
          p.before_s, p.before_s > 0 ? p.now_s / p.before_s : 0);
    }
  }
  const std::string all =
      fmt::format("<p>wall times: {:.2f} of before (median of scenarios)</p>\n", t.pace);
  return rows.empty() ? all
                      : all +
                            "<div class=\"scroll\"><table><tr><th>scenario</th><th>than the "
                            "others</th><th class=\"num\">s now</th><th class=\"num\">s "
                            "before</th><th class=\"num\">ratio</th></tr>\n" +
                            rows + "</table></div>\n";
}

std::string trend_part(const Trend& t, const std::string& root) {
  std::string out = fmt::format(
      "<p>{} cases ran in both, {} of them behave differently (another events digest); {} only "
      "now, "
      "{} only before</p>\n",
      t.common, t.changed, t.only_now, t.only_before);
  out += list_of("bad", "newly failing", t.newly_failing, root);
  out += list_of("bad", "failing, did not run before", t.failing_new, root);
  out += list_of("warn", "still failing", t.still_failing, root);
  out += list_of("good", "fixed", t.fixed, root);
  out += paces(t);
  out += fmt::format("<p>coverage {:.1f} %, before {:.1f} %</p>\n", 100 * t.share_now,
                     100 * t.share_before);
  out += bins("coverage bins lost", t.lost) + bins("coverage bins gained", t.gained);
  return fold("Trend", true, out);
}

// ---- tables

std::string cells(const Row& row, const std::string& root) {
  std::string out;
  for (const CaseResult* c : row.cases) {
    const char* style = !c->ran() ? "n" : c->passed() ? "" : "f";
    const std::string title = escaped(fmt::format("seed {}: {}", c->what.run.seed,
                                                  c->passed() ? "passed"
                                                  : c->ran()  ? reason(*c)
                                                              : "not run"));
    if (c->ran() && !c->passed()) {
      const std::string target = c->evidence.empty() ? fmt::format("#case{}", c->what.id)
                                                     : root + c->evidence + "/report.html";
      out += fmt::format("<a class=\"{}\" title=\"{}\" href=\"{}\"></a>", style, title,
                         escaped(target));
    } else {
      out += fmt::format("<i class=\"{}\" title=\"{}\"></i>", style, title);
    }
  }
  return "<div class=\"cells\">" + out + "</div>";
}

std::string scenarios(const std::vector<Row>& rows, const std::string& root) {
  std::string out =
      "<div class=\"scroll\"><table><tr><th>scenario</th><th class=\"num\">passed</th><th "
      "class=\"num\">failed</th><th class=\"num wide\">s</th><th class=\"num wide\">slowest</th>"
      "<th>seeds</th></tr>\n";
  for (const Row& row : rows) {
    const std::size_t failed = row.ran - row.passed;
    out += fmt::format(
        "<tr><td>{}</td><td class=\"num\">{}</td><td class=\"num{}\">{}</td><td "
        "class=\"num wide\">{:.2f}</td><td class=\"num wide\">{:.2f}</td><td>{}</td>"
        "</tr>\n",
        escaped(row.scenario), row.passed, failed != 0 ? " bad" : "", failed, row.wall_s,
        row.slowest_s, cells(row, root));
  }
  return fold(fmt::format("Scenarios ({})", rows.size()), true, out + "</table></div>\n");
}

std::string rules(const Regression& r) {
  std::map<std::string, RuleCount> sums;
  std::map<std::string, std::size_t> broken;  // runs
  for (const CaseResult& c : r.cases) {
    for (const RuleCount& rule : c.result.rules) {
      sums[rule.id].evaluations += rule.evaluations;
      sums[rule.id].violations += rule.violations;
      broken[rule.id] += rule.violations != 0 ? 1 : 0;
    }
  }
  std::string out =
      "<div class=\"scroll\"><table><tr><th>rule</th><th class=\"num\">evaluations</th><th "
      "class=\"num\">violations</th><th class=\"num\">in cases</th><th>what it says</th></tr>\n";
  std::size_t idle = 0;
  for (const RuleInfo& info : rule_table()) {
    const RuleCount& sum = sums[info.id];
    idle += sum.evaluations == 0 ? 1 : 0;
    out += fmt::format(
        "<tr><td><b>{}</b></td><td class=\"num\">{}</td><td class=\"num{}\">{}</td><td "
        "class=\"num\">{}</td><td>{}{}</td></tr>\n",
        info.id, sum.evaluations, sum.violations != 0 ? " bad" : "", sum.violations,
        broken[info.id], escaped(info.title),
        sum.evaluations == 0 ? " " + tag("warn", "not exercised") : "");
  }
  return fold(fmt::format("Rules ({}, {} not exercised)", rule_table().size(), idle), false,
              out + "</table></div>\n");
}

std::string coverage(const Regression& r) {
  const CoverageSum sum = coverage_of(r);
  std::string out =
      "<div class=\"scroll\"><table><tr><th>group</th><th class=\"num\">hit</th><th "
      "class=\"num\">bins</th><th class=\"num\">%</th><th></th></tr>\n";
  for (const CoverageSum::Group& g : sum.groups()) {
    const double percent =
        g.bins == 0 ? 100 : 100 * static_cast<double>(g.hit) / static_cast<double>(g.bins);
    out += fmt::format(
        "<tr><td>{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td><td "
        "class=\"num\">{:.1f}</td><td><div class=\"bar\"><b style=\"width:{:.1f}%\"></b>"
        "</div></td></tr>\n",
        g.name, g.hit, g.bins, percent, percent);
  }
  return fold(fmt::format("Coverage {:.1f} %", 100 * sum.share()), false, out + "</table></div>\n");
}

}  // namespace

std::string index_page(const Regression& regression, const Trend* trend, const std::string& root) {
  const std::vector<Row> rows = rows_of(regression);
  const std::string body = head(regression, rows) + failures(regression, root) +
                           (trend != nullptr ? trend_part(*trend, root) : "") +
                           scenarios(rows, root) + rules(regression) + coverage(regression);
  const std::string title =
      fmt::format("vfsim regression: {}", regression.passed() ? "pass" : "fail");
  return replaced(replaced(kIndexPage, "@TITLE@", title), "@BODY@", body);
}

}  // namespace vfsim::bench
