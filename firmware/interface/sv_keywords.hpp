// Words that SystemVerilog reserves (IEEE 1800-2017, annex B) and a lower-case field name can be.
#pragma once

#include <set>
#include <string_view>

namespace vfsim::contract {

inline bool is_sv_keyword(std::string_view word) {
  static const std::set<std::string_view> kWords = {
      "accept_on",   "alias",       "always",     "and",           "assert",   "assign",
      "assume",      "automatic",   "before",     "begin",         "bind",     "bins",
      "bit",         "break",       "buf",        "byte",          "case",     "casex",
      "casez",       "cell",        "chandle",    "checker",       "class",    "clocking",
      "cmos",        "config",      "const",      "constraint",    "context",  "continue",
      "cover",       "covergroup",  "coverpoint", "cross",         "deassign", "default",
      "defparam",    "design",      "disable",    "dist",          "do",       "edge",
      "else",        "end",         "endcase",    "endclass",      "enum",     "event",
      "eventually",  "expect",      "export",     "extends",       "extern",   "final",
      "first_match", "for",         "force",      "foreach",       "forever",  "fork",
      "function",    "generate",    "genvar",     "global",        "if",       "iff",
      "ifnone",      "ignore_bins", "implements", "implies",       "import",   "initial",
      "inout",       "input",       "inside",     "instance",      "int",      "integer",
      "interface",   "intersect",   "join",       "large",         "let",      "liblist",
      "library",     "local",       "localparam", "logic",         "longint",  "macromodule",
      "matches",     "medium",      "modport",    "module",        "nand",     "negedge",
      "nettype",     "new",         "nexttime",   "nmos",          "nor",      "not",
      "null",        "or",          "output",     "package",       "packed",   "parameter",
      "pmos",        "posedge",     "primitive",  "priority",      "program",  "property",
      "protected",   "pull0",       "pull1",      "pulldown",      "pullup",   "pure",
      "rand",        "randc",       "randcase",   "rcmos",         "real",     "realtime",
      "ref",         "reg",         "reject_on",  "release",       "repeat",   "restrict",
      "return",      "rnmos",       "rpmos",      "rtran",         "scalared", "sequence",
      "shortint",    "shortreal",   "signed",     "small",         "soft",     "solve",
      "specify",     "specparam",   "static",     "string",        "strong",   "struct",
      "super",       "supply0",     "supply1",    "table",         "tagged",   "task",
      "this",        "throughout",  "time",       "timeprecision", "timeunit", "tran",
      "tri",         "tri0",        "tri1",       "triand",        "trior",    "trireg",
      "type",        "typedef",     "union",      "unique",        "unique0",  "unsigned",
      "until",       "untyped",     "use",        "uwire",         "var",      "vectored",
      "virtual",     "void",        "wait",       "wand",          "weak",     "while",
      "wildcard",    "wire",        "with",       "within",        "wor",      "xnor",
      "xor"};
  return kWords.count(word) != 0;
}

}  // namespace vfsim::contract
