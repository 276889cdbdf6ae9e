// One question to an NTP server: the packets of RFC 5905 as a simple client (RFC 4330) sends and
// reads them. Pure; sntp_run.hpp sends.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "result.hpp"

namespace yagura {

// How far this machine's clock is behind the server's; below 0 where it is ahead.
struct ClockOffset {
  double offset_seconds = 0;
  double round_trip_seconds = 0;  // the offset is known to half of it
};

using NtpInstant = std::chrono::sys_time<std::chrono::nanoseconds>;
// Seconds since 1900 times 2^32, over its end every 136 years (next in 2036).
std::uint64_t ntp_timestamp(NtpInstant at);

using NtpPacket = std::array<unsigned char, 48>;
// The mark comes back in the answer. It is a random number instead of the time, so that nobody else
// can make an answer up.
NtpPacket sntp_question(std::uint64_t mark);

// Whether it is an answer to our question at all: a packet with our mark, from a server.
bool is_answer_to(std::string_view packet, std::uint64_t mark);
// Of such a packet. Error: why the server cannot tell the time, or does not want to.
Result<ClockOffset> read_sntp_answer(std::string_view packet, NtpInstant asked,
                                     NtpInstant answered);

}  // namespace yagura
