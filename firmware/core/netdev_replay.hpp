// The command sequence of a stock Ethernet driver, probe to power-off, with the inputs that such a
// driver sends.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "firmware/core/object_rig.hpp"

namespace vfsim::fwtest {

struct Line {
  std::string text, name;
  std::uint32_t slot = 0, opcode = 0, op_mod = 0, in = 0, out = 0;
  bool event = false;
  std::map<std::string, std::uint32_t>
      args;  // key=value behind the bar; "->" is the number that was answered

  [[nodiscard]] std::uint32_t arg(const std::string& key) const {
    return args.count(key) != 0 ? args.at(key) : 0;
  }
};

inline std::uint32_t value_of(const std::string& text) {
  return static_cast<std::uint32_t>(std::stoul(text, nullptr, 0));
}

inline void parse_args(Line& line, std::istringstream& words) {
  for (std::string w; words >> w;) {
    const auto eq = w.find('=');
    if (w == "->") {
      words >> w;
      if (w == "eqn" || w == "cqn") {
        words >> w;
      }
      line.args["->"] = value_of(w);
    } else if (w == "flows") {
      words >> w;
      line.args["first"] = value_of(w.substr(0, w.find('.')));
      line.args["last"] = value_of(w.substr(w.rfind('.') + 1));
    } else if (eq != std::string::npos &&
               std::isdigit(static_cast<unsigned char>(w[eq + 1])) != 0) {
      line.args[w.substr(0, eq)] = value_of(w.substr(eq + 1));
    } else if (w.rfind("0x", 0) == 0) {
      line.args["number"] = value_of(w);
    }
  }
}

inline std::vector<Line> read_sequence(const std::string& path) {
  std::ifstream file(path);
  std::vector<Line> all;
  for (std::string text; std::getline(file, text);) {
    if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0])) == 0) {
      continue;
    }
    Line line;
    line.text = text;
    std::istringstream words(text);
    std::string opcode, op_mod, in, out, mode, bar;
    words >> line.slot >> opcode >> line.name >> op_mod >> in >> out >> mode >> bar;
    line.opcode = value_of(opcode);
    line.op_mod = value_of(op_mod.substr(6));
    line.in = value_of(in.substr(3));
    line.out = value_of(out.substr(4));
    line.event = mode == "ev";
    parse_args(line, words);
    all.push_back(line);
  }
  return all;
}

/// A driver that follows the sequence on a NIC of its own.
class NetdevReplay {
 public:
  /// The driver asks for 1522: 1500 bytes of payload and its framing.
  static fw_config standard_mtu() {
    fw_config config = MockNic::default_config();
    config.mtu = 1500;
    return config;
  }
  explicit NetdevReplay(std::uint32_t function, std::uint32_t vfs = 8,
                        const fw_config& config = standard_mtu())
      : nic(config, vfs), fn_(function) {
    if (function != 0 && !(nic.bring_up(0) && nic.enable(function).ok())) {
      problems.push_back("the function does not come up");
    }
  }
  MockNic nic;
  std::vector<std::string> problems;  // what did not go as the sequence says
  std::vector<Bytes> inputs;          // of the commands so far

  /// False: the command failed, or there was a problem.
  bool run(const Line& line) {
    Bytes in = command(line.opcode, line.op_mod, line.in);
    fill(line, in);
    inputs.push_back(in);
    nic.events.clear();
    nic.submit(fn_, line.slot, in, line.out);
    nic.poll();
    const Reply r = nic.reply(fn_, line.slot);
    expect(r.ok(), line.text + ": delivery " + std::to_string(r.delivery) + " status " +
                       std::to_string(r.status()) + " syndrome " + std::to_string(r.syndrome()));
    if (r.ok()) {
      after(line, r);
    }
    return problems.empty();
  }

 private:
  void expect(bool good, const std::string& what) {
    if (!good) {
      problems.push_back(what);
    }
  }
  /// Kind of object that an opcode creates or destroys, as a name; drivers destroy the newest
  /// first.
  static std::string kind_of(const std::string& name) {
    for (const char* prefix : {"CREATE_", "ALLOC_", "DESTROY_", "DEALLOC_"}) {
      if (name.rfind(prefix, 0) == 0) {
        return name.substr(std::strlen(prefix));
      }
    }
    return "";
  }
  static bool creates(const std::string& name) {
    return name.rfind("CREATE_", 0) == 0 || name.rfind("ALLOC_", 0) == 0;
  }

  void after(const Line& line, const Reply& r) {
    const std::string kind = kind_of(line.name);
    if (line.opcode == VF_OP_QUERY_HCA_CAP && line.op_mod == 1) {
      general_ = Bytes(r.out.begin() + 16, r.out.end());
    } else if (line.opcode == VF_OP_MANAGE_PAGES && line.op_mod == VF_PAGES_TAKE) {
      expect(VF_GET(manage_pages_out, r.out.data(), output_num_entries) == 8, line.text);
    } else if (!kind.empty() && creates(line.name)) {
      const std::uint32_t number = number_of(r);
      if (kind != "MKEY") {
        expect(number == line.arg("->"), line.text + ": number " + std::to_string(number));
      }
      living_[kind].push_back(number);
      if (kind == "FLOW_GROUP") {
        groups_[number] = line;
      }
    }
    expect(kind == "EQ" || line.event == has_event(VF_EVENT_CMD), line.text + ": event");
  }
  [[nodiscard]] bool has_event(std::uint32_t type) const {
    return std::any_of(nic.events.begin(), nic.events.end(),
                       [&](const PostedEvent& e) { return e.event.type == type; });
  }
  std::uint32_t newest(const std::string& kind) {
    const std::uint32_t number = living_[kind].empty() ? 0 : living_[kind].back();
    if (!living_[kind].empty()) {
      living_[kind].pop_back();
    }
    return number;
  }
  std::uint32_t first(const std::string& kind) {
    return living_[kind].empty() ? 0 : living_[kind].front();
  }

  void pages(Bytes& in, std::size_t at) {
    for (; at + 8 <= in.size(); at += 8) {
      vf_be64_store(&in[at], next_page_ += VF_PAGE_BYTES);
    }
  }
  void fill(const Line& line, Bytes& in) {
    std::uint8_t* p = in.data();
    const std::string kind = kind_of(line.name);
    if (line.name.rfind("DESTROY_FLOW", 0) != 0 && !kind.empty() && !creates(line.name)) {
      VF_SET(object_in, p, number, newest(kind));
      return;
    }
    switch (line.opcode) {
      case VF_OP_SET_ISSI:
        VF_SET(set_issi_in, p, current_issi, 1);
        break;
      case VF_OP_SET_HCA_CAP:
        std::copy(general_.begin(), general_.end(), in.begin() + 16);
        VF_SET(cmd_hca_cap, p + 16, cmdif_checksum, 0);
        break;
      case VF_OP_MANAGE_PAGES:
        VF_SET(manage_pages_in, p, input_num_entries, line.arg("n"));
        pages(in, 16);
        break;
      case VF_OP_ACCESS_REG:
        fill_reg(line, p);
        break;
      default:
        fill_object(line, in);
        fill_steering(line, in);
        fill_vport(line, in);
    }
  }
  void fill_reg(const Line& line, std::uint8_t* p) {
    const std::uint32_t reg = line.arg("reg");
    VF_SET(access_register_in, p, register_id, reg);
    if (reg != VF_REG_HOST_ENDIANNESS && reg != VF_REG_DTOR) {
      VF_SET(pmtu_reg, p + 16, local_port, 1);  // same place in all port registers
    }
    if (reg == VF_REG_PAOS) {
      VF_SET(paos_reg, p + 16, admin_status, ++paos_ == 2 ? VF_PORT_ADMIN_UP : VF_PORT_ADMIN_DOWN);
    } else if (reg == VF_REG_PMTU && line.op_mod == 0) {
      VF_SET(pmtu_reg, p + 16, admin_mtu, 1522);
    }
  }
  void fill_object(const Line& line, Bytes& in) {
    Bytes made = in;
    switch (line.opcode) {
      case VF_OP_CREATE_EQ:
        made = Objects::eq_in(first("UAR"), line.arg("mask"), line.arg("log"), line.arg("intr"));
        break;
      case VF_OP_CREATE_CQ:
        made = Objects::cq_in(line.arg("uar"), line.arg("eqn"), line.arg("log"));
        break;
      case VF_OP_CREATE_SQ:
        made = Objects::wq_in(line.opcode, line.arg("cqn"), first("PD"), first("UAR"), first("TIS"),
                              line.arg("log"));
        break;
      case VF_OP_CREATE_RQ:
        made = Objects::wq_in(line.opcode, line.arg("cqn"), first("PD"), 0, 0, line.arg("log"));
        break;
      case VF_OP_CREATE_MKEY:
        made = Objects::pa_mkey_in(first("PD"));
        break;
      case VF_OP_MODIFY_SQ:
      case VF_OP_MODIFY_RQ:
        VF_SET(modify_wq_in, made.data(), number, line.arg("number"));
        VF_SET(sqc, VF_PTR(modify_wq_in, made.data(), ctx), state, line.arg("state"));
        break;
      case VF_OP_QUERY_Q_COUNTER:
        VF_SET(query_q_counter_in, made.data(), counter_set_id, first("Q_COUNTER"));
        break;
      default:
        return;
    }
    expect(made.size() == in.size(), line.text + ": input length");
    in = made;
  }
  void fill_steering(const Line& line, Bytes& in) {
    std::uint8_t* p = in.data();
    switch (line.opcode) {
      case VF_OP_CREATE_TIS:
        VF_SET(tisc, VF_PTR(create_tis_in, p, ctx), transport_domain, first("TRANSPORT_DOMAIN"));
        break;
      case VF_OP_CREATE_RQT:
        in = Objects::rqt_in(line.opcode, first("RQ"));
        break;
      case VF_OP_MODIFY_RQT:
        in = Objects::rqt_in(line.opcode, living_["RQ"][rqt_changes_ < 3 ? 1 : 0], 1,
                             1 + rqt_changes_ % 3);
        ++rqt_changes_;
        break;
      case VF_OP_CREATE_TIR:
        VF_SET(tirc, VF_PTR(create_tir_in, p, ctx), disp_type, VF_TIR_DISP_INDIRECT);
        VF_SET(tirc, VF_PTR(create_tir_in, p, ctx), indirect_table, living_["RQT"].back());
        VF_SET(tirc, VF_PTR(create_tir_in, p, ctx), transport_domain, first("TRANSPORT_DOMAIN"));
        break;
      case VF_OP_MODIFY_TIR:
        VF_SET(modify_tir_in, p, tirn, ++tir_changes_);
        VF_SET(modify_tir_in, p, bitmask_self_lb_en, 1);
        break;
      default:
        fill_flow(line, in);
    }
  }
  void fill_flow(const Line& line, Bytes& in) {
    std::uint8_t* p = in.data();
    const std::uint32_t table = line.arg("table");
    switch (line.opcode) {
      case VF_OP_CREATE_FLOW_TABLE:
        VF_SET(flow_table_context, VF_PTR(create_flow_table_in, p, flow_table_context), level,
               line.arg("level"));
        VF_SET(flow_table_context, VF_PTR(create_flow_table_in, p, flow_table_context), log_size,
               line.arg("log_size"));
        break;
      case VF_OP_CREATE_FLOW_GROUP:
        VF_SET(create_flow_group_in, p, table_id, table);
        VF_SET(create_flow_group_in, p, start_flow_index, line.arg("first"));
        VF_SET(create_flow_group_in, p, end_flow_index, line.arg("last"));
        VF_SET(create_flow_group_in, p, match_criteria_enable, line.arg("crit"));
        break;
      case VF_OP_SET_FLOW_TABLE_ENTRY: {
        const std::uint32_t index = line.arg("flow_index");
        // Table 2 sorts by traffic type, 3 by destination address (then 2), 4 by VLAN (then 3).
        in = Objects::entry_in(table, group_of(table, index), index,
                               table == 2 ? VF_FLOW_DEST_TIR : VF_FLOW_DEST_FLOW_TABLE,
                               table == 2 ? 1 : table - 1);
        entries_.emplace_back(table, index);
        break;
      }
      case VF_OP_DELETE_FLOW_TABLE_ENTRY:
        expect(!entries_.empty(), line.text + ": no entry");
        if (entries_.empty()) {
          break;
        }
        VF_SET(delete_fte_in, p, table_id, entries_.back().first);
        VF_SET(delete_fte_in, p, flow_index, entries_.back().second);
        entries_.pop_back();
        break;
      case VF_OP_DESTROY_FLOW_GROUP: {
        const std::uint32_t group = newest("FLOW_GROUP");
        VF_SET(destroy_flow_group_in, p, table_id, groups_[group].arg("table"));
        VF_SET(destroy_flow_group_in, p, group_id, group);
        break;
      }
      case VF_OP_DESTROY_FLOW_TABLE:
        VF_SET(destroy_flow_table_in, p, table_id, newest("FLOW_TABLE"));
        break;
      default:
        break;
    }
  }
  std::uint32_t group_of(std::uint32_t table, std::uint32_t index) {
    for (const auto& [number, line] : groups_) {
      if (line.arg("table") == table && line.arg("first") <= index && index <= line.arg("last")) {
        return number;
      }
    }
    return 0;
  }
  void fill_vport(const Line& line, Bytes& in) {
    if (line.opcode != VF_OP_MODIFY_NIC_VPORT_CONTEXT) {
      return;
    }
    std::uint8_t* p = in.data();
    std::uint8_t* c = VF_PTR(modify_nic_vport_context_in, p, nic_vport_context);
    if (vport_changes_++ == 0) {
      VF_SET(modify_nic_vport_context_in, p, field_select_mtu, 1);
      VF_SET(nic_vport_context, c, mtu, 1522);
    } else if (vport_changes_ % 3 == 1) {
      VF_SET(modify_nic_vport_context_in, p, field_select_promisc, 1);
    } else {
      VF_SET(modify_nic_vport_context_in, p, field_select_addresses_list, 1);
      VF_SET(nic_vport_context, c, allowed_list_type,
             vport_changes_ % 3 == 2 ? VF_MAC_LIST_UNICAST : VF_MAC_LIST_MULTICAST);
      VF_SET(nic_vport_context, c, allowed_list_size, (in.size() - 512) / 8);
    }
  }

  std::uint32_t fn_;
  std::map<std::string, std::vector<std::uint32_t>> living_;
  std::map<std::uint32_t, Line> groups_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> entries_;
  Bytes general_ = Bytes(4096);
  std::uint64_t next_page_ = 0x10'0000;
  std::uint32_t paos_ = 0, rqt_changes_ = 0, tir_changes_ = 0, vport_changes_ = 0;
};

}  // namespace vfsim::fwtest
