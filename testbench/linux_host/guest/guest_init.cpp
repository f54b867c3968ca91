// First program of every guest: mounts, loopback, the role's script from a folder of the host, its
// exit status, the end of all processes, power-off. Words of the kernel's command line:
// vfsim.dir=FOLDER (of the host, absolute; mounted at /host), vfsim.role=NAME (its script is
// /host/NAME.sh), vfsim.shell (a shell on the console instead).
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <net/if.h>
#include <sstream>
#include <string>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testbench/linux_host/guest/typist.hpp"

namespace {

constexpr int kNoScript = 3;
constexpr const char* kTyped = "/host/typed";  // there if the console does not take what is typed

struct CommandLine {
  std::string folder, role;
  bool shell = false;
};

CommandLine read_command_line() {
  CommandLine found;
  std::ifstream file("/proc/cmdline");
  for (std::string word; file >> word;) {
    if (word.rfind("vfsim.dir=", 0) == 0) {
      found.folder = word.substr(word.find('=') + 1);
    } else if (word.rfind("vfsim.role=", 0) == 0) {
      found.role = word.substr(word.find('=') + 1);
    } else if (word == "vfsim.shell") {
      found.shell = true;
    }
  }
  return found;
}

void mount_all() {
  ::mount("none", "/proc", "proc", 0, nullptr);
  ::mount("none", "/sys", "sysfs", 0, nullptr);
  ::mount("none", "/dev", "devtmpfs", 0, nullptr);
  ::mount("none", "/sys/kernel/debug", "debugfs", 0, nullptr);
  ::mount("none", "/run", "tmpfs", 0, nullptr);
  ::mount("none", "/tmp", "tmpfs", 0, nullptr);
}

void open_console() {
  const int console = ::open("/dev/console", O_RDWR);
  for (int fd = 0; fd <= 2 && console >= 0; ++fd) {
    ::dup2(console, fd);
  }
}

void loopback_up() {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  ::ioctl(socket, SIOCSIFFLAGS, &request);
  ::close(socket);
}

/// Runs /bin/sh in a session of its own and returns its exit status. What the script leaves behind
/// is reaped, too.
int run_shell(const char* script) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::setsid();
    if (script == nullptr) {
      ::execl("/bin/cttyhack", "cttyhack", "/bin/sh", nullptr);
    } else {
      ::execl("/bin/sh", "sh", script, nullptr);
    }
    ::_exit(kNoScript);
  }
  int status = 0;
  for (pid_t ended = 0; ended != child;) {
    ended = ::wait(&status);
    if (ended < 0 && errno != EINTR) {
      return kNoScript;
    }
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// The console's keyboard, where that is a folder of files.
void start_typist() {
  if (::access(kTyped, X_OK) == 0 && ::fork() == 0) {
    vfsim::guest::type_from(kTyped, STDIN_FILENO);
  }
}

int run(const CommandLine& words) {
  // times of the host's files are not the guest's business: no access time is written
  if (!words.folder.empty() &&
      ::mount("none", "/host", "hostfs", MS_NOATIME, words.folder.c_str()) != 0) {
    std::printf("init: the folder '%s' of the host cannot be mounted: %s\n", words.folder.c_str(),
                std::strerror(errno));
    return kNoScript;
  }
  if (words.shell) {
    std::printf(
        "A guest of vfsim, role '%s'. Programs: migctl vfguest netcheck; scripts begin with: . "
        "/lib/vfsim.sh; the "
        "end: exit\n",
        words.role.c_str());
    start_typist();
    return run_shell(nullptr);
  }
  const std::string script = "/host/" + words.role + ".sh";
  if (::access(script.c_str(), R_OK) != 0) {
    std::printf("init: there is no script %s\n", script.c_str());
    return kNoScript;
  }
  return run_shell(script.c_str());
}

/// What poweroff, reboot and halt ask of an init: the shell ends, too, and with it everything.
void end_on_request() {
  for (const int signal : {SIGUSR1, SIGUSR2, SIGTERM}) {
    std::signal(signal, [](int) { ::kill(-1, SIGKILL); });
  }
}

/// What the script has left running must not keep a VF open: the PF's driver waits for that.
void end_all() {
  ::kill(-1, SIGKILL);
  while (::wait(nullptr) > 0 || errno == EINTR) {
  }
}

}  // namespace

int main() {
  mount_all();
  open_console();
  loopback_up();
  std::setvbuf(stdout, nullptr, _IONBF, 0);
  const CommandLine words = read_command_line();
  ::setenv("PATH", "/bin", 1);
  ::setenv("HOME", "/tmp", 1);
  ::setenv("ROLE", words.role.c_str(), 1);
  end_on_request();
  const int status = run(words);
  std::printf("%sVFSIM-EXIT %d\n", words.shell ? "\n" : "", words.shell ? 0 : status);
  end_all();
  ::sync();
  ::reboot(RB_POWER_OFF);
}
