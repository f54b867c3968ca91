/* CRC-32C (Castagnoli polynomial, reflected, initial value and final XOR all ones). */
#ifndef VFSIM_FIRMWARE_CORE_CRC32C_H
#define VFSIM_FIRMWARE_CORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* CRC of `bytes` bytes that continue data with CRC `crc`; 0 at the beginning. */
uint32_t fw_crc32c(uint32_t crc, const void *data, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
