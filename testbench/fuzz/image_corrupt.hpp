// Spoiled state images: what LOAD must refuse. Pure functions; the same seed gives the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vfsim::bench {

/// Kinds of corruptions.def.
enum class Corruption : std::uint8_t {
#define CORRUPTION(name, syndromes, doc) name,
#include "testbench/fuzz/corruptions.def"
#undef CORRUPTION
};

struct CorruptionRow {
  Corruption kind;
  std::string_view name;
  std::string_view syndromes;
  std::string_view doc;
};
inline constexpr CorruptionRow kCorruptions[] = {
#define CORRUPTION(name, syndromes, doc) {Corruption::name, #name, syndromes, doc},
#include "testbench/fuzz/corruptions.def"
#undef CORRUPTION
};

/// Row of a kind by name; null if there is none.
[[nodiscard]] const CorruptionRow* find_corruption(std::string_view name);
/// "truncate extend ...".
[[nodiscard]] std::string corruption_names();

using ImageBytes = std::vector<std::uint8_t>;

/// A spoiled copy of a good image. Bytes that are no whole image get one bit flipped, whatever the
/// kind.
[[nodiscard]] ImageBytes corrupt(const ImageBytes& image, Corruption kind, std::uint64_t seed);
/// The same by name; an unknown name gives the bytes back unchanged.
[[nodiscard]] ImageBytes corrupt(const ImageBytes& image, std::string_view kind,
                                 std::uint64_t seed);

/// Sets a field of a good image: "format" (header), "cq.ci" (first record of the kind), "cq.ci=5";
/// without a value the seed gives one that differs. "" lets the seed choose the field. False:
/// `error` is one line.
[[nodiscard]] bool set_image_field(ImageBytes& image, const std::string& field, std::uint64_t seed,
                                   std::string& error);

/// Makes lengths, counts and checksums of an edited image right again, as far as its records can be
/// walked.
void seal_image(ImageBytes& image);

/// One piece of an image: offset and bytes of a record, head included.
struct ImagePiece {
  std::size_t offset = 0;
  std::size_t bytes = 0;
};
/// The records, END not among them; as far as they can be walked.
[[nodiscard]] std::vector<ImagePiece> image_pieces(const ImageBytes& image);

}  // namespace vfsim::bench
