#include "testbench/fuzz/image_corrupt.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fmt/format.h>
#include <random>

#include "firmware/core/crc32c.h"
#include "firmware/core/image.h"
#include "firmware/interface/tables.hpp"
#include "testbench/scenarios/names.hpp"

namespace vfsim::bench {
namespace {

using Random = std::mt19937_64;

constexpr std::size_t kIdentity = 8;  // magic, format, header length: not a matter of checksums

void crc_at(std::uint8_t* bytes, std::size_t count, std::size_t at) {
  vf_be32_store(bytes + at, 0);
  vf_be32_store(bytes + at, fw_crc32c(0, bytes, count));
}

bool good(const ImageBytes& image) {
  std::uint32_t syndrome = 0;
  std::uint32_t offset = 0;
  return fw_image_check(image.data(), image.size(), &syndrome, &offset) == 0;
}

std::size_t records_end(const std::vector<ImagePiece>& pieces) {
  return pieces.empty() ? std::size_t{FW_IMAGE_HEADER} : pieces.back().offset + pieces.back().bytes;
}

/// Checksums of header, records and END record, without lengths and counts.
void seal_checksums(ImageBytes& image) {
  std::uint8_t* h = image.data();
  const auto pieces = image_pieces(image);
  const std::size_t end = records_end(pieces);
  crc_at(h, FW_IMAGE_HEADER, VF_OFF(image_header, header_crc) / 8);
  for (const ImagePiece& piece : pieces) {
    crc_at(h + piece.offset, piece.bytes, VF_OFF(image_record, crc) / 8);
  }
  if (end + FW_IMAGE_TRAILER <= image.size()) {
    VF_SET(image_end, h + end + FW_IMAGE_HEAD, image_crc, fw_crc32c(0, h, end));
    crc_at(h + end, FW_IMAGE_TRAILER, VF_OFF(image_record, crc) / 8);
  }
}

void seal_lengths(ImageBytes& image, std::size_t records) {
  const std::size_t end = records_end(image_pieces(image));
  VF_SET(image_header, image.data(), total_bytes, image.size());
  VF_SET(image_header, image.data(), records, records);
  if (end + FW_IMAGE_TRAILER <= image.size()) {
    VF_SET(image_end, image.data() + end + FW_IMAGE_HEAD, records, records);
  }
}

// ---- kinds ----

void flip(ImageBytes& image, Random& random) {
  const std::size_t from = image.size() > kIdentity ? kIdentity : 0;
  if (!image.empty()) {
    const std::uint64_t bit = random() % ((image.size() - from) * 8);
    image[from + bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
  }
}

void truncate(ImageBytes& image, Random& random) {
  image.resize(random() % image.size());
}

void extend(ImageBytes& image, Random& random) {
  for (std::uint64_t more = 1 + random() % 64; more > 0; --more) {
    image.push_back(static_cast<std::uint8_t>(random()));
  }
}

void swap(ImageBytes& image, Random& random) {
  const auto pieces = image_pieces(image);
  if (pieces.size() < 2) {
    flip(image, random);
    return;
  }
  const ImagePiece& first = pieces[random() % (pieces.size() - 1)];
  const auto at = image.begin() + static_cast<std::ptrdiff_t>(first.offset);
  const auto middle = at + static_cast<std::ptrdiff_t>(first.bytes);
  const std::size_t next =
      FW_IMAGE_HEAD + static_cast<std::size_t>(VF_GET(image_record, &*middle, bytes));
  std::rotate(at, middle, middle + static_cast<std::ptrdiff_t>(next));
  seal_image(image);
}

void drop(ImageBytes& image, Random& random) {
  const auto pieces = image_pieces(image);
  if (pieces.empty()) {
    flip(image, random);
    return;
  }
  const ImagePiece& gone = pieces[random() % pieces.size()];
  const auto at = image.begin() + static_cast<std::ptrdiff_t>(gone.offset);
  image.erase(at, at + static_cast<std::ptrdiff_t>(gone.bytes));
  seal_lengths(image, pieces.size());
  seal_checksums(image);
}

void duplicate(ImageBytes& image, Random& random) {
  const auto pieces = image_pieces(image);
  if (pieces.empty()) {
    flip(image, random);
    return;
  }
  const ImagePiece& twice = pieces[random() % pieces.size()];
  const auto at = image.begin() + static_cast<std::ptrdiff_t>(twice.offset);
  const ImageBytes copy(at, at + static_cast<std::ptrdiff_t>(twice.bytes));
  image.insert(at, copy.begin(), copy.end());
  seal_image(image);
}

void foreign(ImageBytes& image, Random& random) {
  std::uint8_t* h = image.data();
  const std::uint64_t other = 1 + random() % 0xffff;
  switch (random() % 5) {
    case 0:
      VF_SET(image_header, h, vendor_id, VF_GET(image_header, h, vendor_id) ^ other);
      break;
    case 1:
      VF_SET(image_header, h, device_id, VF_GET(image_header, h, device_id) ^ other);
      break;
    case 2:
      VF_SET(image_header, h, fw_major, VF_GET(image_header, h, fw_major) ^ other);
      break;
    case 3:
      VF_SET(image_header, h, msix_vectors, VF_MSIX_VECTORS + 1 + random() % 1000);
      break;
    default:
      VF_SET(image_header, h, features, FW_IMAGE_FEATURES + 1);
      break;
  }
  seal_checksums(image);
}

void version(ImageBytes& image, std::uint32_t format) {
  VF_SET(image_header, image.data(), format, format);
  seal_checksums(image);
}

/// Another value in one of the checksum fields: of the header, of a record, of END, of the image.
void wrong_crc(ImageBytes& image, Random& random) {
  const auto pieces = image_pieces(image);
  const std::size_t end = records_end(pieces);
  std::vector<std::size_t> places{VF_OFF(image_header, header_crc) / 8,
                                  end + VF_OFF(image_record, crc) / 8};
  for (const ImagePiece& piece : pieces) {
    places.push_back(piece.offset + VF_OFF(image_record, crc) / 8);
  }
  const std::size_t choice = random() % (places.size() + 1);
  const auto wrong = static_cast<std::uint32_t>(1 + random() % 0xffffffffU);
  if (choice < places.size()) {
    std::uint8_t* crc = image.data() + places[choice];
    vf_be32_store(crc, vf_be32_load(crc) ^ wrong);
    return;
  }
  std::uint8_t* trailer = image.data() + end;
  std::uint8_t* payload = trailer + FW_IMAGE_HEAD;
  VF_SET(image_end, payload, image_crc, VF_GET(image_end, payload, image_crc) ^ wrong);
  crc_at(trailer, FW_IMAGE_TRAILER, VF_OFF(image_record, crc) / 8);
}

// ---- fields ----

/// A field of the image at a place: header, or a record's payload.
struct Place {
  const contract::FieldRow* field = nullptr;
  std::size_t offset = 0;  // of the layout
};

/// "cq.ci" of record kind CQ and its field ci.
std::string name_of(std::string_view kind, const contract::FieldRow& field) {
  std::string name;
  for (const char c : kind) {
    name += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  return name + (kind.empty() ? "" : ".") + std::string(field.name);
}

/// Calls visit(name, place) for each field that the image holds: the header's, and those of the
/// fixed part of every record. What the seal writes is not among them.
template <class Visit>
void each_place(const ImageBytes& image, Visit visit) {
  for (const contract::FieldRow& field : contract::kFields) {
    if (field.layout == "image_header" && field.name != "header_crc" &&
        field.name != "total_bytes" && field.name != "records") {
      visit(name_of("", field), Place{&field, 0});
    }
  }
  fw_image_record r{};
  for (bool more = fw_image_first(image.data(), image.size(), &r); more;
       more = fw_image_next(image.data(), image.size(), &r)) {
    if (r.kind < 0) {
      continue;
    }
    const contract::ImageRow& kind = contract::kImageRecords[r.kind];
    for (const contract::FieldRow& field : contract::kFields) {
      if (field.layout == kind.layout && (field.offset + field.width) / 8 <= r.bytes) {
        visit(name_of(kind.name, field), Place{&field, std::size_t{r.offset} + FW_IMAGE_HEAD});
      }
    }
  }
}

void change(ImageBytes& image, const Place& place, Random& random) {
  std::uint8_t* at = image.data() + place.offset;
  const contract::FieldRow& field = *place.field;
  if (field.blob) {
    at[field.offset / 8 + random() % (field.width / 8)] ^=
        static_cast<std::uint8_t>(1 + random() % 255);
    return;
  }
  const std::uint64_t most = field.width == 64 ? ~0ULL : (1ULL << field.width) - 1;
  const std::uint64_t old = vf_field_get(at, field.offset, field.width);
  const std::uint64_t choices[] = {
      0, 1, most, old + 1, old - 1, old ^ (1ULL << random() % field.width), random()};
  std::uint64_t value = choices[random() % std::size(choices)] & most;
  if (value == old) {
    value = (old + 1) & most;
  }
  vf_field_set(at, field.offset, field.width, value);
}

bool number(const std::string& text, std::uint64_t& value) {
  char* end = nullptr;
  errno = 0;
  value = std::strtoull(text.c_str(), &end, 0);
  return !text.empty() && text[0] != '-' && *end == '\0' && errno == 0;
}

bool set_value(ImageBytes& image, const Place& place, const std::string& text, std::string& error) {
  const contract::FieldRow& field = *place.field;
  std::uint64_t value = 0;
  if (field.blob) {
    error = fmt::format("{} is a byte string of {} bytes; allowed is the name alone", field.name,
                        field.width / 8);
    return false;
  }
  if (!number(text, value) || (field.width < 64 && value >> field.width != 0)) {
    error = fmt::format("'{}' is no value of {}; allowed is 0 .. {}", text, field.name,
                        field.width == 64 ? ~0ULL : (1ULL << field.width) - 1);
    return false;
  }
  vf_field_set(image.data() + place.offset, field.offset, field.width, value);
  return true;
}

}  // namespace

const CorruptionRow* find_corruption(std::string_view name) {
  const auto* row = std::find_if(std::begin(kCorruptions), std::end(kCorruptions),
                                 [&](const CorruptionRow& r) { return r.name == name; });
  return row == std::end(kCorruptions) ? nullptr : row;
}

std::string corruption_names() {
  std::string names;
  for (const CorruptionRow& row : kCorruptions) {
    names += (names.empty() ? "" : " ") + std::string(row.name);
  }
  return names;
}

std::vector<ImagePiece> image_pieces(const ImageBytes& image) {
  std::vector<ImagePiece> pieces;
  fw_image_record r{};
  for (bool more = fw_image_first(image.data(), image.size(), &r); more;
       more = fw_image_next(image.data(), image.size(), &r)) {
    pieces.push_back({r.offset, std::size_t{FW_IMAGE_HEAD} + r.bytes});
  }
  return pieces;
}

void seal_image(ImageBytes& image) {
  if (image.size() >= FW_IMAGE_HEADER) {
    seal_lengths(image, image_pieces(image).size());
    seal_checksums(image);
  }
}

bool set_image_field(ImageBytes& image, const std::string& field, std::uint64_t seed,
                     std::string& error) {
  Random random(seed);
  const std::size_t equals = std::min(field.find('='), field.size());
  const std::string name = field.substr(0, equals);
  std::vector<Place> places;
  std::string known;
  std::string last;
  each_place(image, [&](const std::string& n, const Place& place) {
    if (name.empty() || (n == name && places.empty())) {
      places.push_back(place);
    }
    if (n != last) {  // fields of one kind are listed once: its records follow each other
      known += n + " ";
      last = n;
    }
  });
  if (places.empty()) {
    error = fmt::format("the image has no field '{}'{}; vfsim image inspect --fields shows them",
                        name, did_you_mean(name, known));
    return false;
  }
  const Place& place = places[random() % places.size()];
  if (equals < field.size()) {
    if (!set_value(image, place, field.substr(equals + 1), error)) {
      return false;
    }
  } else {
    change(image, place, random);
  }
  seal_image(image);
  return true;
}

ImageBytes corrupt(const ImageBytes& image, Corruption kind, std::uint64_t seed) {
  ImageBytes out = image;
  Random random(seed);
  if (!good(image)) {
    flip(out, random);
    return out;
  }
  std::string ignored;
  switch (kind) {
    case Corruption::truncate:
      truncate(out, random);
      break;
    case Corruption::extend:
      extend(out, random);
      break;
    case Corruption::flip:
      flip(out, random);
      break;
    case Corruption::swap:
      swap(out, random);
      break;
    case Corruption::drop:
      drop(out, random);
      break;
    case Corruption::duplicate:
      duplicate(out, random);
      break;
    case Corruption::foreign:
      foreign(out, random);
      break;
    case Corruption::version_previous:
      version(out, FW_IMAGE_FORMAT - 1);
      break;
    case Corruption::version_future:
      version(out, FW_IMAGE_FORMAT + 1 + static_cast<std::uint32_t>(random() % 3));
      break;
    case Corruption::crc:
      wrong_crc(out, random);
      break;
    case Corruption::field:
      (void)set_image_field(out, "", seed, ignored);
      break;
  }
  return out;
}

ImageBytes corrupt(const ImageBytes& image, std::string_view kind, std::uint64_t seed) {
  const CorruptionRow* row = find_corruption(kind);
  return row == nullptr ? image : corrupt(image, row->kind, seed);
}

}  // namespace vfsim::bench
