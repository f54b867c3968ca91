/* Objects of a function in the context RAM, all kinds alike: find, create, destroy, who refers to
 * whom. */
#ifndef VFSIM_FIRMWARE_CORE_OBJECT_H
#define VFSIM_FIRMWARE_CORE_OBJECT_H

#include "firmware/core/fw_internal.h"

enum fw_kind {
  FW_EQ,
  FW_CQ,
  FW_SQ,
  FW_RQ,
  FW_QP,
  FW_MKEY,
  FW_TIS,
  FW_TIR,
  FW_RQT,
  FW_FT,
  FW_FG,
  FW_FTE,
  FW_QC,
  FW_PD,
  FW_TD,
  FW_UAR,
  FW_KINDS,
};

enum {
  FW_PAS = 272, /* byte of the input where every page list begins */
  FW_LOG_PAGE_MAX = 30,
};

/* The object's context; NULL: no such object. */
void* fw_obj_find(struct fw* fw, uint32_t fn, enum fw_kind kind, uint64_t number);
bool fw_obj_exists(struct fw* fw, uint32_t fn, enum fw_kind kind, uint64_t number);
/* Lowest free number, its context zeroed but not yet valid; *entry NULL and the command refused if
 * there is none. */
uint32_t fw_obj_new(struct fw* fw, struct fw_cmd* cmd, enum fw_kind kind, void** entry);
/* Makes a new object valid and answers with its number. */
enum fw_exec fw_obj_created(struct fw* fw, struct fw_cmd* cmd, enum fw_kind kind, uint32_t number);
/* True if another object refers to this one. */
bool fw_obj_in_use(struct fw* fw, uint32_t fn, enum fw_kind kind, uint32_t number);
/* DESTROY command: refuses unknown and used objects, else frees the object with its page list and
 * answers OK. */
enum fw_exec fw_obj_destroy(struct fw* fw, struct fw_cmd* cmd, enum fw_kind kind, uint64_t number);
/* Frees it whoever refers to it. Nothing happens if it does not exist. */
void fw_obj_free(struct fw* fw, uint32_t fn, enum fw_kind kind, uint32_t number);
void fw_obj_free_all(struct fw* fw, uint32_t fn);
/* Tells hardware that something about memory key `number` of the function changed; 0: any key. */
void fw_key_changed(struct fw* fw, uint32_t fn, uint32_t number);
/* Raises `gen`: hardware drops work in progress on the object. */
void fw_obj_renew(struct fw* fw, uint32_t fn, enum fw_kind kind, uint32_t number);

/* Refuses the command (BAD_RESOURCE / BAD_OBJECT) and returns false; for `return FW_EXEC_DONE`
 * after a failed check. */
bool fw_refuse(struct fw_cmd* cmd, uint8_t status, uint32_t syndrome);
/* The object that the command is about; NULL after refusing it. */
void* fw_obj_of(struct fw* fw, struct fw_cmd* cmd, enum fw_kind kind, uint64_t number);
/* Refuses the command if it names an object (number != 0 or `must`) that does not exist. */
bool fw_obj_ref(struct fw* fw, struct fw_cmd* cmd, enum fw_kind kind, uint64_t number, bool must);

/* Installs the page list behind FW_PAS for `bytes` bytes in pages of 2^log_page; refuses the
 * command if it cannot. */
bool fw_pages_install(struct fw* fw, struct fw_cmd* cmd, uint64_t bytes, uint32_t log_page,
                      struct vf_pages* pages);

#endif
