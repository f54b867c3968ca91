/* Preloaded into User Mode Linux. */
#define _DEFAULT_SOURCE
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* Its entropy is the same in every run, so that runs are equal. */
ssize_t getrandom(void* to, size_t bytes, unsigned flags) {
  (void)flags;
  memset(to, 0x5a, bytes);
  return (ssize_t)bytes;
}

/* The programs of the guest are traced processes of this machine. When the kernel is killed they must die with it:
 * nobody else keeps their system calls from being carried out here. */
long ptrace(enum __ptrace_request request, ...) {
  va_list arguments;
  va_start(arguments, request);
  const pid_t pid = va_arg(arguments, pid_t);
  void* const address = va_arg(arguments, void*);
  long data = (long)va_arg(arguments, void*);
  va_end(arguments);
  const int old_set_options = 21; /* what kernels before 6.12 use */
  if (request == PTRACE_SETOPTIONS || (int)request == old_set_options) {
    data |= PTRACE_O_EXITKILL;
  }
  if (request >= PTRACE_PEEKTEXT && request <= PTRACE_PEEKUSER) { /* the system call stores what it reads */
    long word = 0;
    const long failed = syscall(SYS_ptrace, request, pid, address, &word);
    return failed < 0 ? failed : word;
  }
  return syscall(SYS_ptrace, request, pid, address, data);
}
