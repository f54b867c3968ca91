#include "testbench/shell/console.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <sstream>
#include <unistd.h>
#include <vector>
// readline.h needs stdio.h before it
#include <cstdio>
#include <readline/history.h>
#include <readline/readline.h>

namespace vfsim::bench {
namespace {

constexpr int kHistory = 1000;  // lines

// readline and signals call functions without context: the session of this process.
Session* talking = nullptr;

void on_interrupt(int) {
  if (talking != nullptr) {
    talking->interrupt();
  }
}

/// readline asks for one candidate after the other; `state` is 0 for the first.
char* candidate(const char* text, int state) {
  static std::vector<std::string> words;
  static std::size_t next = 0;
  if (state == 0) {
    words.clear();
    next = 0;
    const std::string line(rl_line_buffer, static_cast<std::size_t>(rl_point));
    std::istringstream all(talking->completions(line));
    for (std::string word; all >> word;) {
      if (word.compare(0, std::strlen(text), text) == 0) {
        words.push_back(word);
      }
    }
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
  }
  return next < words.size() ? ::strdup(words[next++].c_str()) : nullptr;
}

char** complete(const char* text, int, int) {
  rl_attempted_completion_over = 1;  // no file names
  return rl_completion_matches(text, candidate);
}

/// Ctrl-C at the prompt: an empty line.
int empty_line() {
  rl_replace_line("", 0);
  rl_crlf();
  rl_on_new_line();
  rl_redisplay();
  return 0;
}

std::string history_file() {
  const char* home = std::getenv("HOME");
  return home == nullptr ? "" : std::string(home) + "/.vfsim_history";
}

}  // namespace

void converse(Session& session) {
  talking = &session;
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, nullptr);
  rl_readline_name = "vfsim";
  rl_basic_word_break_characters = " \t\n=<>!&|()+-*/?:";
  rl_attempted_completion_function = complete;
  rl_signal_event_hook = empty_line;
  const std::string history = history_file();
  using_history();
  stifle_history(kHistory);
  (void)read_history(history.c_str());
  while (char* line = readline(session.prompt().c_str())) {
    const std::string text(line);
    std::free(line);
    if (text.find_first_not_of(" \t") != std::string::npos) {
      add_history(text.c_str());
    }
    if (session.execute(text) == Outcome::quit) {
      break;
    }
    std::fflush(stdout);
  }
  (void)write_history(history.c_str());
  talking = nullptr;
}

Outcome recite(Session& session, const std::string& text) {
  talking = &session;
  std::signal(SIGINT, on_interrupt);
  Outcome worst = Outcome::good;
  std::istringstream lines(text);
  for (std::string line; worst != Outcome::quit && std::getline(lines, line);) {
    fmt::print("{}{}\n", session.prompt(), line);
    const Outcome outcome = session.execute(line);
    worst = std::max(worst, outcome);
    std::fflush(stdout);
  }
  talking = nullptr;
  return worst;
}

}  // namespace vfsim::bench
