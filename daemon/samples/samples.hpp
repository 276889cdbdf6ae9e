// What all probes found in the span of five minutes that is under way, in memory: for each probe
// how often each verdict came, and of each measured value mean and maximum. A steady result is no
// event, and so no row of the record: it is counted here, and once a span written as a roll-up
// (sample_file.hpp). Owned by the engine, which counts; whoever keeps the spans takes each out when
// it is over. Where nobody does, it goes on. One thread, no input or output.
//
// Some 70 bytes for an HTTP probe: a slot (24), its name (16), its place in the table of names (7), and
// 12 for each value. The names of values are held once for all probes that have the same.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "instant.hpp"
#include "observation.hpp"
#include "platform.hpp"
#include "roll_up.hpp"

namespace yagura {

class Samples {
 public:
  static constexpr Duration span_length = 5min;  // aligned: …:00, …:05

  Samples() = default;
  Samples(const Samples&) = delete;
  Samples& operator=(const Samples&) = delete;

  // The probes that are from now on, jobs too. What was counted of those that stay is kept.
  void set_platform(const Platform& platform, Instant now);
  // Counts a run. One of a probe that is not known (any more) is passed over. Allocates nothing
  // unless the probe has measured something that it has never measured before.
  void take(const ProbeId& probe, const Observation& observation);

  // The wall clock stands in another span than the one under way: end() it. A clock that was set
  // back begins a span that was there before; they add up when they are read.
  bool is_over(Instant now) const { return begin_of_span(now) != from_; }
  struct Span {
    Instant from{};
    std::string bytes;  // of the present layout (roll_up.hpp)
  };
  // Gives what was counted, and begins the span of `now`.
  Span end(Instant now);
  // Another number after each change of the layout; never 0.
  std::uint64_t layout_number() const { return layout_number_; }
  std::string layout() const;

  // What the span under way has of the probe so far; none where it did not run.
  std::optional<NamedTally> so_far(const ProbeId& probe) const;
  Instant from() const { return from_; }
  static Instant begin_of_span(Instant at);

 private:
  // How many probes have these values.
  using Names = std::map<ValueNames, std::uint32_t>;
  struct Slot {
    Names::iterator names{};
    std::uint32_t name =
        0;  // where "component/probe" begins in names_text_, up to that of the next
    std::uint32_t cells = 0;              // where its values begin in cells_
    std::array<std::uint16_t, 4> runs{};  // by verdict; more are not counted
  };
  struct Cell {
    float mean = 0, max = 0;
    std::uint32_t runs = 0;
  };

  std::string_view name(std::size_t slot) const;
  Slot* find(const ProbeId& probe);
  const Slot* find(const ProbeId& probe) const;
  Names::iterator hold(ValueNames names);
  void let_go(Names::iterator names);
  void widen(Slot& slot, const std::string& key, const MeasuredValues& values);
  void gather();

  Instant from_{};
  std::vector<Slot> slots_;  // in order of their ids
  std::string names_text_;
  std::vector<std::uint32_t> table_;  // by hash of the name: the slot's number + 1; 0: free
  std::vector<Cell> cells_;
  std::size_t left_behind_ = 0;  // of cells_, by slots that have others now
  Names names_;
  std::uint64_t layout_number_ = 1;
};

}  // namespace yagura
