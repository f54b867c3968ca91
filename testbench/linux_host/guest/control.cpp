#include "testbench/linux_host/guest/control.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <iterator>
#include <poll.h>
#include <sstream>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host_driver/vfio/vfio_function.hpp"

namespace vfsim::guest {
namespace {

using driver::error_text;
using driver::fail;
using driver::File;
using driver::Result;

constexpr std::size_t kMostBytes = 65536;
constexpr std::size_t kMostFiles = 8;
constexpr const char* kLinesIn = ".in";
constexpr const char* kLinesOut = ".out";

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(EINVAL, path + ": the name is too long");
  }
  std::copy(path.begin(), path.end(), address.sun_path);
  return address;
}

File make_socket() {
  return File(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
}

/// Bytes and descriptors as one message.
bool send_message(int socket, const std::string& bytes, const std::vector<int>& files) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostFiles * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!files.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(files.size() * sizeof(int));
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(files.size() * sizeof(int));
    std::memcpy(CMSG_DATA(header), files.data(), files.size() * sizeof(int));
  }
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

/// False: the other side is gone.
bool receive_message(int socket, std::string& bytes, std::vector<File>& files) {
  bytes.resize(kMostBytes);
  iovec part{bytes.data(), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostFiles * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (got <= 0) {
    return false;
  }
  bytes.resize(static_cast<std::size_t>(got));
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    std::vector<int> fds((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    std::memcpy(fds.data(), CMSG_DATA(header), fds.size() * sizeof(int));
    for (const int fd : fds) {
      files.emplace_back(fd);
    }
  }
  return true;
}

std::string join(const Words& words) {
  std::string bytes;
  for (const std::string& word : words) {
    bytes += word + '\0';
  }
  return bytes;
}

Words split(const std::string& bytes) {
  Words words;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = std::min(bytes.find('\0', at), bytes.size());
    words.push_back(bytes.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

void remove_doors(const std::string& path) {
  for (const char* end : {"", kLinesIn, kLinesOut}) {
    ::unlink((path + end).c_str());
  }
}

/// Both ends at once: neither opening nor writing waits for the other side.
Result<File> open_fifo(const std::string& path) {
  if (::mkfifo(path.c_str(), 0600) != 0) {
    return fail(errno, error_text(path, errno));
  }
  File file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file.is_open()) {
    return fail(errno, error_text(path, errno));
  }
  return file;
}

std::string as_line(const Answer& answer) {
  std::string text = std::to_string(answer.status) + " " + answer.text;
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos;) {
    text.replace(at, 1, "; ");
  }
  return text + "\n";
}

/// Nobody waits for the end of a background process's output: warnings go to the console.
void leave_terminal() {
  ::setsid();
  const File nowhere(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const File console(::open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC));
  ::dup2(nowhere.fd(), STDIN_FILENO);
  ::dup2(nowhere.fd(), STDOUT_FILENO);
  ::dup2(console.is_open() ? console.fd() : nowhere.fd(), STDERR_FILENO);
}

/// Status in front of the text, as one character.
std::string pack(const Answer& answer) {
  return static_cast<char>('0' + answer.status) + answer.text.substr(0, kMostBytes - 1);
}

}  // namespace

Result<ControlServer> ControlServer::listen(const Door& door) {
  const std::string path = door.path();
  BOOST_OUTCOME_TRY(address, address_of(path));
  if (ask(door, {"ping"})) {
    return fail(EADDRINUSE, door.program + " runs already");
  }
  remove_doors(path);  // left by one that was killed
  ControlServer server;
  server.socket_ = make_socket();
  if (!server.socket_.is_open() ||
      ::bind(server.socket_.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
          0 ||
      ::listen(server.socket_.fd(), 4) != 0) {
    return fail(errno, error_text(path, errno));
  }
  server.path_ = path;
  BOOST_OUTCOME_TRY(in, open_fifo(path + kLinesIn));
  server.lines_in_ = std::move(in);
  BOOST_OUTCOME_TRY(out, open_fifo(path + kLinesOut));
  server.lines_out_ = std::move(out);
  return server;
}

ControlServer::~ControlServer() {
  if (socket_.is_open()) {
    remove_doors(path_);
  }
}

/// Whole lines only; what is behind one waits for the next call.
bool ControlServer::take_line(Words& words) {
  const std::size_t end = partial_.find('\n');
  if (end == std::string::npos) {
    return false;
  }
  std::istringstream line(partial_.substr(0, end));
  partial_.erase(0, end + 1);
  words = {std::istream_iterator<std::string>(line), std::istream_iterator<std::string>()};
  return true;
}

bool ControlServer::next_request(Words& words, File& peer) {
  while (!take_line(words)) {
    std::array<pollfd, 2> waits{{{socket_.fd(), POLLIN, 0}, {lines_in_.fd(), POLLIN, 0}}};
    if (::poll(waits.data(), waits.size(), -1) <= 0) {
      return false;
    }
    if (waits[0].revents != 0) {
      std::string bytes;
      std::vector<File> files;
      peer = File(::accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
      const bool got = peer.is_open() && receive_message(peer.fd(), bytes, files);
      words = split(bytes);
      return got;
    }
    std::array<char, 4096> piece{};
    const ssize_t got = ::read(lines_in_.fd(), piece.data(), piece.size());
    partial_.append(piece.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  }
  return true;
}

void ControlServer::serve_one(const std::function<Answer(const Words&)>& execute,
                              const std::function<void(const std::function<void()>&)>& wait) {
  Words words;
  File peer;
  bool got = false;
  wait([&] { got = next_request(words, peer); });
  if (!got) {
    return;
  }
  const Answer answer = words == Words{"ping"} ? Answer{} : execute(words);
  if (peer.is_open()) {
    (void)send_message(peer.fd(), pack(answer), answer.files);
  } else {
    const std::string line = as_line(answer);
    (void)!::write(lines_out_.fd(), line.data(), line.size());
  }
}

Result<Reply> ask(const Door& door, const Words& words) {
  const std::string path = door.path();
  BOOST_OUTCOME_TRY(address, address_of(path));
  const File socket = make_socket();
  if (!socket.is_open() ||
      ::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail(ENOENT, "nothing is open: " + error_text(path, errno));
  }
  Reply reply;
  std::string bytes;
  if (!send_message(socket.fd(), join(words), {}) ||
      !receive_message(socket.fd(), bytes, reply.files)) {
    return fail(EPIPE, door.program + " has ended without an answer");
  }
  reply.status = bytes[0] - '0';
  reply.text = bytes.substr(1);
  return reply;
}

Answer start_in_background(const std::function<int(const Started&)>& body) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return {kRefused, error_text("pipe", errno), {}};
  }
  File read_end(ends[0]), write_end(ends[1]);
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) {
    return {kRefused, error_text("fork", errno), {}};
  }
  if (child == 0) {
    leave_terminal();
    read_end.reset();
    const int status = body([&](const Answer& answer) {
      const std::string bytes = pack(answer);
      (void)!::write(write_end.fd(), bytes.data(), bytes.size());
      write_end.reset();
    });
    ::_exit(status);
  }
  write_end.reset();
  std::string bytes(kMostBytes, '\0');
  const ssize_t got = ::read(read_end.fd(), bytes.data(), bytes.size());
  if (got <= 0) {
    ::waitpid(child, nullptr, 0);
    return {kRefused, "the background process has ended without a word", {}};
  }
  return {bytes[0] - '0', bytes.substr(1, static_cast<std::size_t>(got) - 1), {}};
}

int print(const std::string& program, int status, const std::string& text) {
  if (!text.empty()) {
    std::fprintf(status == kDone ? stdout : stderr, "%s%s\n",
                 status == kDone ? "" : (program + ": ").c_str(), text.c_str());
  }
  return status;
}

namespace {

/// The process in the background, until it is killed.
int serve(const Program& program, const std::function<void(const Answer&)>& started) {
  auto server = ControlServer::listen({program.name});
  if (!server) {
    started({kRefused, server.error().text, {}});
    return kRefused;
  }
  const std::unique_ptr<Service> service = program.make();
  started({});
  for (;;) {
    server.value().serve_one([&](const Words& words) { return service->execute(words); },
                             [&](const std::function<void()>& wait) { service->idle(wait); });
  }
}

}  // namespace

int run_program(const Program& program, const Words& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    program.print_usage();
    return kDone;
  }
  auto reply = ask({program.name}, words);
  if (!reply && words[0] == program.start) {
    const Answer begun =
        start_in_background([&](const Started& started) { return serve(program, started); });
    if (begun.status != kDone) {
      return print(program.name, begun.status, begun.text);
    }
    reply = ask({program.name}, words);
  }
  return reply ? print(program.name, reply.value().status, reply.value().text)
               : print(program.name, kWrongUse, reply.error().text);
}

}  // namespace vfsim::guest
