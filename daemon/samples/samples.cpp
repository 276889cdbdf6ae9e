#include "samples.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace yagura {
namespace {

std::size_t hash_of(std::string_view component, std::string_view probe) {
  std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a
  const auto take = [&hash](std::string_view text) {
    for (char c : text)
      hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  };
  take(component);
  take("/");
  take(probe);
  return static_cast<std::size_t>(hash ^ hash >> 32);
}

bool is_name_of(std::string_view name, const ProbeId& probe) {
  const std::size_t slash = probe.component.size();
  return name.size() == slash + 1 + probe.probe.size() && name.starts_with(probe.component) &&
         name[slash] == '/' && name.ends_with(probe.probe);
}

float as_float(double value) {
  constexpr double most = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(value, -most, most));
}

}  // namespace

Instant Samples::begin_of_span(Instant at) {
  const Duration into = at.time_since_epoch() % span_length;
  return at - into - (into < Duration{0} ? span_length : Duration{0});
}

std::string_view Samples::name(std::size_t slot) const {
  const std::size_t begin = slots_[slot].name;
  const std::size_t end = slot + 1 < slots_.size() ? slots_[slot + 1].name : names_text_.size();
  return std::string_view(names_text_).substr(begin, end - begin);
}

const Samples::Slot* Samples::find(const ProbeId& probe) const {
  if (table_.empty()) return nullptr;
  const std::size_t mask = table_.size() - 1;
  for (std::size_t at = hash_of(probe.component, probe.probe) & mask; table_[at] != 0;
       at = (at + 1) & mask) {
    const std::size_t slot = table_[at] - 1;
    if (is_name_of(name(slot), probe)) return &slots_[slot];
  }
  return nullptr;
}

Samples::Slot* Samples::find(const ProbeId& probe) {
  return const_cast<Slot*>(std::as_const(*this).find(probe));
}

Samples::Names::iterator Samples::hold(ValueNames names) {
  const auto held = names_.try_emplace(std::move(names), 0).first;
  ++held->second;
  return held;
}

void Samples::let_go(Names::iterator names) {
  if (--names->second == 0) names_.erase(names);
}

void Samples::set_platform(const Platform& platform, Instant now) {
  if (slots_.empty()) from_ = begin_of_span(now);
  std::vector<ProbeId> ids;
  for (const auto& [component, what] : platform.components) {
    for (const ProbeSpec& probe : what.probes)
      ids.push_back({component, probe.name});
  }
  std::sort(ids.begin(), ids.end());
  std::vector<Slot> slots;
  std::string text;
  slots.reserve(ids.size());
  for (const ProbeId& id : ids) {
    Slot slot;
    if (const Slot* before = find(id)) {
      slot = *before;
      ++slot.names->second;
    } else {
      slot.names = hold({});
    }
    slot.name = static_cast<std::uint32_t>(text.size());
    text += id.component;
    text += '/';
    text += id.probe;
    slots.push_back(slot);
  }
  for (const Slot& slot : slots_)
    let_go(slot.names);
  if (text != names_text_) ++layout_number_;
  slots_ = std::move(slots);
  names_text_ = std::move(text);
  names_text_.shrink_to_fit();
  gather();
  // Three quarters full at most.
  table_.assign(slots_.empty() ? 0 : std::bit_ceil(slots_.size() * 4 / 3 + 1), 0);
  const std::size_t mask = table_.size() - 1;
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    std::size_t at = hash_of(ids[slot].component, ids[slot].probe) & mask;
    while (table_[at] != 0)
      at = (at + 1) & mask;
    table_[at] = static_cast<std::uint32_t>(slot + 1);
  }
}

void Samples::take(const ProbeId& probe, const Observation& observation) {
  Slot* slot = find(probe);
  if (slot == nullptr) return;
  std::uint16_t& runs = slot->runs[static_cast<std::size_t>(observation.verdict)];
  if (runs == std::numeric_limits<std::uint16_t>::max()) return;
  ++runs;
  // Both are sorted.
  auto name = slot->names->first.begin();
  for (const auto& [key, value] : observation.values) {
    while (name != slot->names->first.end() && *name < key)
      ++name;
    if (name == slot->names->first.end() || *name != key) {
      widen(*slot, key, observation.values);
      name = std::lower_bound(slot->names->first.begin(), slot->names->first.end(), key);
      if (name == slot->names->first.end() || *name != key) continue;
    }
    if (!std::isfinite(value)) continue;
    Cell& cell = cells_[slot->cells + static_cast<std::size_t>(name - slot->names->first.begin())];
    const float measured = as_float(value);
    cell.max = cell.runs == 0 ? measured : std::max(cell.max, measured);
    ++cell.runs;
    cell.mean = as_float(cell.mean + (double{measured} - cell.mean) / cell.runs);
  }
}

// Takes `key`, which is not known, and the names of the other values in, as far as there is room.
void Samples::widen(Slot& slot, const std::string& key,
                    const MeasuredValues& values) {
  const ValueNames& known = slot.names->first;
  if (known.size() == most_sampled_values || key.size() > longest_sampled_name) return;
  ValueNames wider = known;
  for (const auto& [name, value] : values) {
    if (wider.size() == most_sampled_values) break;
    if (name.size() > longest_sampled_name) continue;
    const auto at = std::lower_bound(wider.begin(), wider.end(), name);
    if (at == wider.end() || *at != name) wider.insert(at, name);
  }
  const std::size_t cells = cells_.size();
  cells_.resize(cells + wider.size());
  for (std::size_t from = 0, to = 0; from < known.size(); ++to) {
    if (wider[to] == known[from]) cells_[cells + to] = cells_[slot.cells + from++];
  }
  left_behind_ += known.size();
  const Names::iterator before = slot.names;
  slot.names = hold(std::move(wider));
  slot.cells = static_cast<std::uint32_t>(cells);
  let_go(before);
  ++layout_number_;
  if (left_behind_ > 1'000 && left_behind_ > cells_.size() / 2) gather();
}

// Puts the values of all slots side by side again.
void Samples::gather() {
  std::size_t count = 0;
  for (const Slot& slot : slots_)
    count += slot.names->first.size();
  std::vector<Cell> cells;
  cells.reserve(count);
  for (Slot& slot : slots_) {
    const auto begin = cells_.begin() + slot.cells;
    slot.cells = static_cast<std::uint32_t>(cells.size());
    cells.insert(cells.end(), begin, begin + static_cast<std::ptrdiff_t>(slot.names->first.size()));
  }
  cells_ = std::move(cells);
  left_behind_ = 0;
}

Samples::Span Samples::end(Instant now) {
  Span span{from_, {}};
  constexpr std::size_t usual_bytes = 16;
  span.bytes.reserve(slots_.size() * usual_bytes);
  Packer packer(span.bytes);
  for (Slot& slot : slots_) {
    RunTally runs;
    std::copy(slot.runs.begin(), slot.runs.end(), runs.by_verdict.begin());
    packer.runs(runs);
    for (std::size_t i = 0; i < slot.names->first.size(); ++i) {
      const Cell& cell = cells_[slot.cells + i];
      packer.value(runs.all(), cell.runs, cell.mean, cell.max);
    }
    slot.runs = {};
  }
  if (left_behind_ != 0 || cells_.capacity() > cells_.size()) gather();
  std::fill(cells_.begin(), cells_.end(), Cell{});
  from_ = begin_of_span(now);
  return span;
}

std::string Samples::layout() const {
  std::map<const ValueNames*, std::uint32_t> numbers;
  std::string bytes;
  Packer packer(bytes);
  packer.number(names_.size());
  for (const auto& [names, probes] : names_) {
    numbers.emplace(&names, static_cast<std::uint32_t>(numbers.size()));
    packer.number(names.size());
    for (const std::string& name : names)
      packer.text(name);
  }
  packer.number(slots_.size());
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    const std::string_view text = name(slot);
    const std::size_t slash = text.find('/');  // no name of a component has one
    packer.text(text.substr(0, slash));
    packer.text(text.substr(slash + 1));
    packer.number(numbers.at(&slots_[slot].names->first));
  }
  return bytes;
}

std::optional<NamedTally> Samples::so_far(const ProbeId& probe) const {
  const Slot* slot = find(probe);
  if (slot == nullptr) return std::nullopt;
  NamedTally tally;
  std::copy(slot->runs.begin(), slot->runs.end(), tally.runs.by_verdict.begin());
  if (tally.runs.all() == 0) return std::nullopt;
  for (std::size_t i = 0; i < slot->names->first.size(); ++i) {
    const Cell& cell = cells_[slot->cells + i];
    if (cell.runs != 0) tally.values[slot->names->first[i]] = {cell.runs, cell.mean, cell.max};
  }
  return tally;
}

}  // namespace yagura
