// What the probes of a machine's resources read: texts of the kernel, a link's speed, an NTP
// server's answer. The first byte says which.
#include <cmath>

#include "fuzz.hpp"
#include "resource/files.hpp"
#include "resource/interfaces.hpp"
#include "resource/memory.hpp"
#include "resource/pressure.hpp"
#include "resource/sntp.hpp"
#include "resource/swap.hpp"

namespace yagura::fuzz {
namespace {

template <class Answer>
bool is_read(const Result<Answer>& answer) {
  if (!answer) require_safe(answer.error().message, 1000);
  return answer.has_value();
}

void require_percent(double percent) {
  require(percent >= 0 && percent <= 101, "a part of the whole is no more than that");
}

void run(std::string_view bytes) {
  switch (take_choice(bytes, 7)) {
    case 0: {
      auto memory = parse_meminfo(bytes);
      if (is_read(memory)) require_percent(memory->used_percent);
      auto swap = parse_swap(bytes);
      if (is_read(swap) && *swap) require_percent((*swap)->used_percent);
      return;
    }
    case 1:
      is_read(parse_swap_traffic(bytes));
      return;
    case 2: {
      auto pressure = parse_pressure(bytes);
      if (!is_read(pressure)) return;
      require_percent(pressure->some.over_10s);
      if (pressure->full) require_percent(pressure->full->over_5m);
      return;
    }
    case 3: {
      auto files = parse_file_nr(bytes);
      require(!is_read(files) || files->limit != 0, "a limit is above 0");
      return;
    }
    case 4: {
      auto interfaces = parse_net_dev(bytes);
      if (!is_read(interfaces)) return;
      for (const auto& entry : *interfaces) {
        require(!entry.first.empty(), "an interface has a name");
        auto rates = interface_rates({}, entry.second, 60);
        require(rates && rates->errors_per_second >= 0, "counters only grow");
      }
      return;
    }
    case 5: {
      auto speed = parse_speed(bytes);
      if (is_read(speed)) require(*speed >= 1 && *speed <= 1e13, "a speed has its limits");
      return;
    }
    case 6: {
      if (!is_answer_to(bytes, 0)) return;
      const NtpInstant now = std::chrono::sys_days{std::chrono::year{2027} / 1 / 1};
      auto offset = read_sntp_answer(bytes, now, now + std::chrono::milliseconds(100));
      if (is_read(offset)) {
        require(std::abs(offset->offset_seconds) <= 2147483649.0, "an offset is within 68 years");
      }
      return;
    }
  }
}
const Target target("resource", run);

}  // namespace
}  // namespace yagura::fuzz
