// What is known of probes over a span of time: how often each verdict came, and of each measured
// value its mean and maximum; how several spans add up, and the bytes of one in samples.db. Pure.
//
// A span's bytes say nothing without its layout: which probes it is about, in their order, and
// which values each of them has. Bytes are read with care, as a file may be damaged: what does not
// fit is no span, and nothing beyond the bytes is looked at.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "observation.hpp"

namespace yagura {

// Of a probe that measures more the first ones in order of their names are kept; a longer name is
// not.
inline constexpr std::size_t most_sampled_values = 32;
inline constexpr std::size_t longest_sampled_name = 100;  // bytes

// A measured value.
struct ValueTally {
  std::uint32_t runs = 0;  // in which it was measured; 0: mean and max mean nothing
  double mean = 0, max = 0;
  void add(const ValueTally& other);
};

// Runs by verdict.
struct RunTally {
  std::array<std::uint32_t, 4> by_verdict{};
  std::uint32_t of(Verdict verdict) const { return by_verdict[static_cast<std::size_t>(verdict)]; }
  std::uint64_t all() const;
  void add(const RunTally& other);
  // Of the runs that could look, how many did not find the target failing, in percent; none where
  // no run could: "could not look" is neither up nor down.
  std::optional<double> availability() const;
};

// One probe over a span: its values in the order of its names in the layout.
struct Tally {
  RunTally runs;
  std::vector<ValueTally> values;
};

// The same with names, as it is read.
struct NamedTally {
  RunTally runs;
  std::map<std::string, ValueTally> values;
  void add(const NamedTally& other);
};

using ValueNames = std::vector<std::string>;  // sorted, each once

struct Layout {
  struct Probe {
    ProbeId id;
    std::uint32_t names = 0;  // which of them
  };
  std::vector<ValueNames> names;
  std::vector<Probe> probes;  // sorted by id
};

// Writes and reads what the bytes are made of.
class Packer {
 public:
  explicit Packer(std::string& bytes) : bytes_(bytes) {}
  void number(std::uint64_t value);  // small ones are short
  void text(std::string_view value);
  void real(float value);  // finite; rounded to five significant digits
  void value(std::uint64_t runs_of_probe, std::uint32_t runs, float mean, float max);
  void runs(const RunTally& runs);
  void tally(const Tally& tally);

 private:
  std::string& bytes_;
};

class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : rest_(bytes) {}
  // Once something did not fit all that is read is 0 or "".
  bool failed() const { return failed_; }
  bool at_end() const { return rest_.empty(); }
  std::uint64_t number();
  std::string_view text();
  double real();
  // The next probe's, which has that many values. Of what does not fit nothing is to be used.
  void tally(std::size_t values, Tally& into);

 private:
  std::uint8_t byte();
  std::string_view rest_;
  bool failed_ = false;
};

std::string packed(const Layout& layout);
// None: these are not the bytes of a layout.
std::optional<Layout> unpacked_layout(std::string_view bytes);

struct PackedSpan {
  const Layout* layout = nullptr;
  std::string_view bytes;
};
// The layout that has all probes and values of these.
Layout joined(std::span<const Layout* const> layouts);
// The bytes of one span, of that layout, for all that these say. Of bytes that do not fit what was
// read up to there counts.
std::string rolled_up(std::span<const PackedSpan> spans, const Layout& layout);

}  // namespace yagura
