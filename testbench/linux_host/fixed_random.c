/* Preloaded into User Mode Linux: its entropy is the same in every run, so that runs are equal. */
#include <string.h>
#include <sys/types.h>

ssize_t getrandom(void* to, size_t bytes, unsigned flags) {
  (void)flags;
  memset(to, 0x5a, bytes);
  return (ssize_t)bytes;
}
