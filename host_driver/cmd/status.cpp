#include "host_driver/cmd/status.hpp"

#include <array>
#include <cstdio>
#include <string_view>

#include "firmware/interface/layout.h"
#include "host_driver/cmd/commands.hpp"

namespace vfsim::driver {
namespace {

struct Value {
  std::string_view set;
  std::string_view name;
  std::uint32_t value;
  std::string_view doc;  // for STATUS and DELIVERY: the errno's name
};
constexpr std::array kValues{
#define ENUM_VALUE(set, name, value, doc) Value{#set, #name, (value), doc},
#include "firmware/interface/enums.def"
#undef ENUM_VALUE
};

struct Errno {
  std::string_view name;
  int value;
};
constexpr std::array kErrnos{
    Errno{"0", 0},         Errno{"EIO", EIO},       Errno{"EINVAL", EINVAL},
    Errno{"EBUSY", EBUSY}, Errno{"EAGAIN", EAGAIN}, Errno{"ENOMEM", ENOMEM},
    Errno{"EBADR", EBADR}, Errno{"EFAULT", EFAULT}, Errno{"ENOMSG", ENOMSG},
};

constexpr int errno_value(std::string_view name) {
  for (const Errno& known : kErrnos) {
    if (known.name == name) {
      return known.value;
    }
  }
  return -1;
}

constexpr bool every_status_has_errno() {
  for (const Value& entry : kValues) {
    if ((entry.set == "STATUS" || entry.set == "DELIVERY") && errno_value(entry.doc) < 0) {
      return false;
    }
  }
  return true;
}
static_assert(every_status_has_errno(), "enums.def names an errno that status.cpp does not know");

const Value* find(std::string_view set, std::uint32_t value) {
  for (const Value& entry : kValues) {
    if (entry.set == set && entry.value == value) {
      return &entry;
    }
  }
  return nullptr;
}

std::string describe(std::string_view kind, std::string_view set, std::uint32_t value) {
  std::array<char, 16> number{};
  std::snprintf(number.data(), number.size(), "0x%x", value);
  const Value* entry = find(set, value);
  return std::string(kind) + " " +
         (entry != nullptr ? std::string(entry->name) + " (" + number.data() + ")" : number.data());
}

}  // namespace

int delivery_errno(std::uint8_t delivery) {
  const Value* entry = find("DELIVERY", delivery);
  return entry != nullptr ? errno_value(entry->doc) : EINVAL;
}

int status_errno(std::uint8_t status) {
  const Value* entry = find("STATUS", status);
  return entry != nullptr ? errno_value(entry->doc) : EIO;
}

Error command_error(std::uint16_t opcode, std::uint8_t delivery, std::uint8_t status,
                    std::uint32_t syndrome) {
  if (delivery != 0) {
    return Error{delivery_errno(delivery), delivery, 0, 0,
                 opcode_name(opcode) + ": delivery " + describe("status", "DELIVERY", delivery)};
  }
  std::array<char, 32> number{};
  std::snprintf(number.data(), number.size(), ", syndrome 0x%08x", syndrome);
  return Error{status_errno(status), 0, status, syndrome,
               opcode_name(opcode) + ": " + describe("status", "STATUS", status) + number.data()};
}

bool undoes_something(std::uint16_t opcode) {
  const std::string name = opcode_name(opcode);
  for (const std::string_view prefix :
       {"DESTROY_", "DEALLOC_", "TEARDOWN_", "DISABLE_", "DELETE_"}) {
    if (name.compare(0, prefix.size(), prefix) == 0) {
      return true;
    }
  }
  return false;
}

}  // namespace vfsim::driver
