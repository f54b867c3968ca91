// sq, rq, qp, cq, eq, mkey: objects of a function, all fields.
#include <fmt/format.h>
#include <type_traits>

#include "firmware/interface/tables.hpp"
#include "testbench/shell/look_tools.hpp"

namespace vfsim::bench {
namespace {

using model::FnRef;

enum class Form : std::uint8_t { DEC, HEX, FLAG, LOG, NAME, PAD };

struct Field {
  std::string_view name;
  Form form;
  std::string_view set;
  std::string_view doc;
  std::uint64_t (*value)(const void* object);
  std::size_t bytes;
};

using eq = vf_eq;
using cq = vf_cq;
using wq = vf_wq;
using qp = vf_qp;
using mkey = vf_mkey;

template <class T>
std::uint64_t value_of(const T& member) {
  if constexpr (std::is_array_v<T>) {
    return 0;  // padding
  } else {
    return member;
  }
}

/// Rows of context_fields.def whose object is `Object`.
template <class Object>
const std::vector<Field>& fields() {
  static const std::vector<Field> kFields = [] {
    std::vector<Field> found;
#define CONTEXT_FIELD(object, member, form, set, doc)                                   \
  if constexpr (std::is_same_v<Object, object>) {                                       \
    found.push_back(                                                                    \
        {#member, Form::form, set, doc,                                                 \
         [](const void* o) { return value_of(static_cast<const object*>(o)->member); }, \
         sizeof(static_cast<const object*>(nullptr)->member)});                         \
  }
#include "testbench/shell/context_fields.def"
#undef CONTEXT_FIELD
    return found;
  }();
  return kFields;
}

/// A member that the table forgets is a mistake of the table: alignment explains less than 8 bytes.
#define CONTEXT_FIELD(object, member, form, set, doc) \
  +(std::is_same_v<Object, object> ? sizeof(static_cast<const object*>(nullptr)->member) : 0)
template <class Object>
constexpr std::size_t kListedBytes = 0
#include "testbench/shell/context_fields.def"
    ;
#undef CONTEXT_FIELD
static_assert(sizeof(eq) - kListedBytes<eq> < 8 && sizeof(cq) - kListedBytes<cq> < 8 &&
              sizeof(wq) - kListedBytes<wq> < 8 && sizeof(qp) - kListedBytes<qp> < 8 &&
              sizeof(mkey) - kListedBytes<mkey> < 8);

std::string field_text(const Field& field, const void* object) {
  const std::uint64_t value = field.value(object);
  switch (field.form) {
    case Form::HEX:
      return fmt::format("{:#x}", value);
    case Form::FLAG:
      return yes_no(value != 0);
    case Form::LOG:
      return value < 63 ? fmt::format("{} ({})", value, std::uint64_t{1} << value)
                        : std::to_string(value);
    case Form::NAME:
      return name_in(field.set, static_cast<std::uint32_t>(value));
    default:
      return fmt::format("{}", value);
  }
}

/// An array of context memory.
template <class Object>
struct Objects {
  const Object* first;
  std::uint32_t base;
  std::uint32_t count;
  std::string_view name;  // "completion queue"
  vf_pages Object::*pages;

  [[nodiscard]] std::vector<std::uint32_t> numbers() const {
    std::vector<std::uint32_t> found;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (first[i].valid != 0) {
        found.push_back(base + i);
      }
    }
    return found;
  }
  [[nodiscard]] const Object& operator[](std::uint32_t number) const {
    return first[number - base];
  }
};

std::string numbers_text(const std::vector<std::uint32_t>& numbers) {
  constexpr std::size_t kShown = 12;
  std::string out;
  for (std::size_t i = 0; i < std::min(kShown, numbers.size()); ++i) {
    append(out, fmt::format("{:#x}", numbers[i]), " ");
  }
  return numbers.size() > kShown ? out + fmt::format(" ... ({} in all)", numbers.size()) : out;
}

/// "0x12345000 x 4 pages": runs of pages that follow each other.
std::string page_runs(const vf_context_ram& ram, const vf_pages& pages) {
  constexpr int kMostRuns = 16;
  std::string out;
  int runs = 0;
  for (std::uint32_t i = 0; i < pages.pages && pages.mtt + i < VF_MTT_COUNT;) {
    const std::uint64_t begin = ram.mtt[pages.mtt + i];
    std::uint32_t n = 1;
    while (i + n < pages.pages && pages.mtt + i + n < VF_MTT_COUNT &&
           ram.mtt[pages.mtt + i + n] == begin + (std::uint64_t{n} << pages.log_page)) {
      ++n;
    }
    if (++runs > kMostRuns) {
      return out + fmt::format(" ... ({} pages in all)", pages.pages);
    }
    append(out, fmt::format("{:#x} x {}", begin, n));
    i += n;
  }
  return out.empty() ? "none" : out;
}

std::string event_names(std::uint64_t mask) {
  std::string out;
  for (const contract::EnumRow& row : contract::kEnums) {
    if (row.set == "EVENT" && row.value < 64 && (mask >> row.value & 1U) != 0) {
      append(out, row.name, " ");
    }
  }
  return out.empty() ? "none" : out;
}

/// One object with the meaning of its fields.
template <class Object>
std::string one(const Objects<Object>& objects, std::uint32_t number, const vf_context_ram& ram) {
  const Object& object = objects[number];
  TextTable table({"field", "value", "meaning"});
  for (const Field& field : fields<Object>()) {
    if (field.form != Form::PAD) {
      table.row({std::string(field.name), field_text(field, &object), std::string(field.doc)});
    }
  }
  TextList more(12);
  if constexpr (std::is_same_v<Object, vf_eq>) {
    more.add("events", event_names(object.mask[0]));
  }
  more.add("pages", page_runs(ram, object.*objects.pages));
  return fmt::format("{} {:#x}\n{}\n{}", objects.name, number, table.text(), more.text());
}

/// Objects side by side, a column each.
template <class Object>
std::string several(const Objects<Object>& objects, const std::vector<std::uint32_t>& numbers) {
  constexpr std::size_t kColumns = 6;
  std::string out;
  for (std::size_t from = 0; from < numbers.size(); from += kColumns) {
    const std::size_t to = std::min(numbers.size(), from + kColumns);
    std::vector<std::string> header{std::string(objects.name)};
    for (std::size_t i = from; i < to; ++i) {
      header.push_back(fmt::format("{:#x}", numbers[i]));
    }
    TextTable table(header);
    for (const Field& field : fields<Object>()) {
      std::vector<std::string> cells{std::string(field.name)};
      for (std::size_t i = from; i < to && field.form != Form::PAD; ++i) {
        cells.push_back(field_text(field, &objects[numbers[i]]));
      }
      if (field.form != Form::PAD) {
        table.row(cells);
      }
    }
    append(out, table.text(), "\n\n");
  }
  return out;
}

/// A number as the contract has it, or the index of an object; for keys also the whole key, its low
/// byte included.
template <class Object>
std::uint32_t number_in(const Objects<Object>& objects, std::uint64_t asked) {
  if constexpr (std::is_same_v<Object, vf_mkey>) {
    if (asked >= std::uint64_t{objects.base} << 8) {
      const std::uint64_t number = asked >> 8;
      return number < objects.base + objects.count &&
                     objects[static_cast<std::uint32_t>(number)].key == (asked & 0xff)
                 ? static_cast<std::uint32_t>(number)
                 : 0;
    }
  }
  const std::uint64_t number = asked < objects.base ? asked + objects.base : asked;
  return number < objects.base + objects.count ? static_cast<std::uint32_t>(number) : 0;
}

/// `all` prints the objects if no number is given.
template <class Object, class All>
Answer show(Machine& machine, const Words& words, Objects<Object> (*objects_of)(const vf_function&),
            const All& all) {
  if (words.size() != 2 && words.size() != 3) {
    return wrong_usage(words[0]);
  }
  FnRef who;
  std::string error;
  if (!find_function(machine, words[1], who, error)) {
    return wrong(error);
  }
  const auto objects = objects_of(context_of(machine, who));
  const auto numbers = objects.numbers();
  if (words.size() == 2) {
    return lines(numbers.empty() ? fmt::format("{} has no {}", function_name(who), objects.name)
                                 : all(objects, numbers));
  }
  std::uint64_t asked = 0;
  if (!take_number(words, 2, objects.name, asked, error)) {
    return wrong(error);
  }
  const std::uint32_t number = number_in(objects, asked);
  if (number == 0 || objects[number].valid == 0) {
    return wrong(
        fmt::format("{} has no {} {}; {}", function_name(who), objects.name, words[2],
                    numbers.empty() ? "it has none" : "there are " + numbers_text(numbers)));
  }
  return lines(one(objects, number, machine.sim.hosts[who.host]->nic.context()));
}

template <class Object>
Answer show(Machine& machine, const Words& words,
            Objects<Object> (*objects_of)(const vf_function&)) {
  return show(machine, words, objects_of, several<Object>);
}

Objects<vf_wq> send_queues(const vf_function& f) {
  return {f.sq, VF_SQ_BASE, VF_SQ_COUNT, "send queue", &vf_wq::ring};
}
Objects<vf_wq> receive_queues(const vf_function& f) {
  return {f.rq, VF_RQ_BASE, VF_RQ_COUNT, "receive queue", &vf_wq::ring};
}
Objects<vf_qp> queue_pairs(const vf_function& f) {
  return {f.qp, VF_QP_BASE, VF_QP_COUNT, "queue pair", &vf_qp::ring};
}
Objects<vf_cq> completion_queues(const vf_function& f) {
  return {f.cq, VF_CQ_BASE, VF_CQ_COUNT, "completion queue", &vf_cq::ring};
}
Objects<vf_eq> event_queues(const vf_function& f) {
  return {f.eq, VF_EQ_BASE, VF_EQ_COUNT, "event queue", &vf_eq::ring};
}
Objects<vf_mkey> memory_keys(const vf_function& f) {
  return {f.mkey, VF_MKEY_BASE, VF_MKEY_COUNT, "memory key", &vf_mkey::pages};
}

std::string key_table(const Objects<vf_mkey>& keys, const std::vector<std::uint32_t>& numbers) {
  TextTable table(
      {"key", "mode", "local", "remote", "relaxed", "pd>", "start>", "bytes>", "pages>", "gen>"});
  const auto rights = [](std::uint8_t read, std::uint8_t write) {
    return fmt::format("{}{}", read != 0 ? 'r' : '-', write != 0 ? 'w' : '-');
  };
  for (const std::uint32_t number : numbers) {
    const vf_mkey& k = keys[number];
    table.row({fmt::format("{:#x}", number << 8 | k.key), name_in("MKC_MODE", k.mode),
               rights(k.local_read, k.local_write), rights(k.remote_read, k.remote_write),
               rights(k.relaxed_read, k.relaxed_write), std::to_string(k.pd),
               fmt::format("{:#x}", k.start), k.length64 != 0 ? "all" : fmt::format("{:#x}", k.len),
               k.pages.pages == 0 ? "-"
                                  : fmt::format("{} x {:#x}", k.pages.pages,
                                                std::uint64_t{1} << (k.pages.log_page & 63)),
               std::to_string(k.gen)});
  }
  return table.text();
}

}  // namespace

Answer shell_sq(Machine& machine, const Words& words) {
  return show(machine, words, send_queues);
}
Answer shell_rq(Machine& machine, const Words& words) {
  return show(machine, words, receive_queues);
}
Answer shell_qp(Machine& machine, const Words& words) {
  return show(machine, words, queue_pairs);
}
Answer shell_cq(Machine& machine, const Words& words) {
  return show(machine, words, completion_queues);
}
Answer shell_eq(Machine& machine, const Words& words) {
  return show(machine, words, event_queues);
}
Answer shell_mkey(Machine& machine, const Words& words) {
  return show(machine, words, memory_keys, key_table);
}

}  // namespace vfsim::bench
