#include "roll_up.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <iterator>
#include <limits>

namespace yagura {
namespace {

// What a value's bytes begin with.
constexpr std::uint64_t measured = 1, max_differs = 2, own_runs = 4;

// More than any platform has, so that damaged bytes do not ask for all memory.
constexpr std::uint64_t most_in_layout = 1'000'000;

constexpr std::uint64_t most_runs = std::numeric_limits<std::uint32_t>::max();

std::uint32_t bounded(std::uint64_t runs) {
  return static_cast<std::uint32_t>(std::min(runs, most_runs));
}

// Where each of `names` stands among `wider`; its size: nowhere.
std::vector<std::size_t> places(const ValueNames& names, const ValueNames& wider) {
  std::vector<std::size_t> found;
  for (const std::string& name : names) {
    const auto at = std::lower_bound(wider.begin(), wider.end(), name);
    found.push_back(at != wider.end() && *at == name ? static_cast<std::size_t>(at - wider.begin())
                                                     : wider.size());
  }
  return found;
}

}  // namespace

void ValueTally::add(const ValueTally& other) {
  if (other.runs == 0) return;
  max = runs == 0 ? other.max : std::max(max, other.max);
  const double all = static_cast<double>(runs) + other.runs;
  mean += (other.mean - mean) * (other.runs / all);
  runs = bounded(std::uint64_t{runs} + other.runs);
}

std::uint64_t RunTally::all() const {
  std::uint64_t count = 0;
  for (std::uint32_t one : by_verdict)
    count += one;
  return count;
}

void RunTally::add(const RunTally& other) {
  for (std::size_t i = 0; i < by_verdict.size(); ++i) {
    by_verdict[i] = bounded(std::uint64_t{by_verdict[i]} + other.by_verdict[i]);
  }
}

std::optional<double> RunTally::availability() const {
  const std::uint64_t looked = all() - of(Verdict::unknown);
  if (looked == 0) return std::nullopt;
  return 100.0 * static_cast<double>(looked - of(Verdict::failing)) / static_cast<double>(looked);
}

void NamedTally::add(const NamedTally& other) {
  runs.add(other.runs);
  for (const auto& [name, value] : other.values)
    values[name].add(value);
}

// ---- Bytes ----

void Packer::number(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    bytes_ += static_cast<char>(value | 0x80);
  bytes_ += static_cast<char>(value);
}

void Packer::text(std::string_view value) {
  number(value.size());
  bytes_ += value;
}

// The upper three bytes of a float: sign, exponent, and 15 bits.
void Packer::real(float value) {
  constexpr std::uint32_t largest = 0x7f7fff;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 31 << 23;
  const std::uint32_t upper = sign | std::min(((bits & 0x7fffffff) + 0x80) >> 8, largest);
  for (int shift : {16, 8, 0})
    bytes_ += static_cast<char>(upper >> shift);
}

void Packer::value(std::uint64_t runs_of_probe, std::uint32_t runs, float mean, float max) {
  if (runs == 0) return number(0);
  const bool differs = max != mean, own = runs != runs_of_probe;
  number(measured | (differs ? max_differs : 0) | (own ? own_runs : 0));
  if (own) number(runs);
  real(mean);
  if (differs) real(max);
}

void Packer::runs(const RunTally& runs) {
  const std::uint64_t ok = runs.of(Verdict::ok);
  const bool others = runs.all() != ok;
  number(ok << 1 | (others ? 1 : 0));
  if (!others) return;
  for (Verdict verdict : {Verdict::warning, Verdict::failing, Verdict::unknown}) {
    number(runs.of(verdict));
  }
}

void Packer::tally(const Tally& tally) {
  runs(tally.runs);
  for (const ValueTally& one : tally.values) {
    value(tally.runs.all(), one.runs, static_cast<float>(one.mean), static_cast<float>(one.max));
  }
}

std::uint8_t Unpacker::byte() {
  if (rest_.empty()) failed_ = true;
  if (failed_) return 0;
  const auto value = static_cast<std::uint8_t>(rest_.front());
  rest_.remove_prefix(1);
  return value;
}

std::uint64_t Unpacker::number() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const std::uint8_t next = byte();
    value |= std::uint64_t{next & 0x7fU} << shift;
    if (next < 0x80) return failed_ ? 0 : value;
  }
  failed_ = true;
  return 0;
}

std::string_view Unpacker::text() {
  const std::uint64_t size = number();
  if (size > rest_.size()) failed_ = true;
  if (failed_) return {};
  const std::string_view value = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return value;
}

double Unpacker::real() {
  std::uint32_t bits = 0;
  for (int i = 0; i < 3; ++i)
    bits = bits << 8 | byte();
  const auto value = std::bit_cast<float>(bits << 8);
  if (!std::isfinite(value)) failed_ = true;
  return failed_ ? 0 : value;
}

void Unpacker::tally(std::size_t values, Tally& into) {
  const auto count = [this] {
    const std::uint64_t value = number();
    if (value > most_runs) failed_ = true;
    return bounded(value);
  };
  const std::uint64_t first = number();
  if (first >> 1 > most_runs) failed_ = true;
  into.runs.by_verdict = {bounded(first >> 1)};
  if ((first & 1) != 0) {
    for (std::size_t i = 1; i < into.runs.by_verdict.size(); ++i)
      into.runs.by_verdict[i] = count();
  }
  into.values.assign(values, {});
  for (ValueTally& value : into.values) {
    const std::uint64_t how = number();
    if (how == 0) continue;
    value.runs = (how & own_runs) != 0 ? count() : bounded(into.runs.all());
    value.mean = real();
    value.max = (how & max_differs) != 0 ? real() : value.mean;
  }
}

std::string packed(const Layout& layout) {
  std::string bytes;
  Packer packer(bytes);
  packer.number(layout.names.size());
  for (const ValueNames& names : layout.names) {
    packer.number(names.size());
    for (const std::string& name : names)
      packer.text(name);
  }
  packer.number(layout.probes.size());
  for (const Layout::Probe& probe : layout.probes) {
    packer.text(probe.id.component);
    packer.text(probe.id.probe);
    packer.number(probe.names);
  }
  return bytes;
}

std::optional<Layout> unpacked_layout(std::string_view bytes) {
  Unpacker reader(bytes);
  Layout layout;
  const std::uint64_t sets = reader.number();
  if (sets > most_in_layout) return std::nullopt;
  for (std::uint64_t i = 0; i < sets && !reader.failed(); ++i) {
    const std::uint64_t count = reader.number();
    if (count > most_sampled_values) return std::nullopt;
    ValueNames& names = layout.names.emplace_back();
    for (std::uint64_t n = 0; n < count; ++n)
      names.emplace_back(reader.text());
    const auto wrong = std::adjacent_find(names.begin(), names.end(), std::greater_equal<>());
    if (wrong != names.end()) return std::nullopt;
  }
  const std::uint64_t probes = reader.number();
  if (probes > most_in_layout) return std::nullopt;
  for (std::uint64_t i = 0; i < probes && !reader.failed(); ++i) {
    Layout::Probe probe;
    probe.id.component = reader.text();
    probe.id.probe = reader.text();
    const std::uint64_t names = reader.number();
    if (names >= layout.names.size()) return std::nullopt;
    probe.names = static_cast<std::uint32_t>(names);
    if (!layout.probes.empty() && !(layout.probes.back().id < probe.id)) return std::nullopt;
    layout.probes.push_back(std::move(probe));
  }
  if (reader.failed() || !reader.at_end()) return std::nullopt;
  return layout;
}

// ---- Several spans ----

Layout joined(std::span<const Layout* const> layouts) {
  std::map<ProbeId, ValueNames> all;
  for (const Layout* layout : layouts) {
    for (const Layout::Probe& probe : layout->probes) {
      ValueNames& known = all[probe.id];
      const ValueNames& more = layout->names[probe.names];
      if (known == more) continue;
      ValueNames both;
      std::set_union(known.begin(), known.end(), more.begin(), more.end(),
                     std::back_inserter(both));
      if (both.size() > most_sampled_values) both.resize(most_sampled_values);
      known = std::move(both);
    }
  }
  Layout made;
  std::map<ValueNames, std::uint32_t> numbers;
  for (auto& [id, names] : all) {
    const auto [number, added] =
        numbers.try_emplace(names, static_cast<std::uint32_t>(made.names.size()));
    if (added) made.names.push_back(names);
    made.probes.push_back({id, number->second});
  }
  return made;
}

std::string rolled_up(std::span<const PackedSpan> spans, const Layout& layout) {
  std::vector<Tally> all(layout.probes.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].values.resize(layout.names[layout.probes[i].names].size());
  }
  for (const PackedSpan& span : spans) {
    Unpacker reader(span.bytes);
    Tally tally;
    std::size_t at = 0;
    for (const Layout::Probe& probe : span.layout->probes) {
      const ValueNames& names = span.layout->names[probe.names];
      reader.tally(names.size(), tally);
      if (reader.failed()) break;
      while (at < all.size() && layout.probes[at].id < probe.id)
        ++at;
      if (at == all.size() || layout.probes[at].id != probe.id) continue;
      Tally& into = all[at];
      into.runs.add(tally.runs);
      const std::vector<std::size_t> where = places(names, layout.names[layout.probes[at].names]);
      for (std::size_t i = 0; i < where.size(); ++i) {
        if (where[i] < into.values.size()) into.values[where[i]].add(tally.values[i]);
      }
    }
  }
  std::string bytes;
  Packer packer(bytes);
  for (const Tally& tally : all)
    packer.tally(tally);
  return bytes;
}

}  // namespace yagura
