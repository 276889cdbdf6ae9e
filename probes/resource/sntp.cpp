#include "sntp.hpp"

#include <fmt/format.h>

#include "text.hpp"

namespace yagura {
namespace {

constexpr std::uint64_t seconds_from_1900_to_1970 = 2'208'988'800;
constexpr double whole_second = 4294967296.0;  // 2^32
constexpr std::size_t origin_at = 24, received_at = 32, sent_at = 40;

std::uint64_t number_at(std::string_view packet, std::size_t at) {
  std::uint64_t number = 0;
  for (std::size_t next = at; next < at + 8; ++next)
    number = number << 8 | static_cast<unsigned char>(packet[next]);
  return number;
}

// The difference of two timestamps that are less than 68 years apart, whatever their eras.
double seconds_from(std::uint64_t earlier, std::uint64_t later) {
  return static_cast<double>(static_cast<std::int64_t>(later - earlier)) / whole_second;
}

}  // namespace

std::uint64_t ntp_timestamp(NtpInstant at) {
  auto seconds = std::chrono::floor<std::chrono::seconds>(at);
  auto fraction = static_cast<std::uint64_t>((at - seconds).count());
  std::uint64_t since_1900 =
      static_cast<std::uint64_t>(seconds.time_since_epoch().count()) + seconds_from_1900_to_1970;
  return since_1900 << 32 | (fraction << 32) / 1'000'000'000;
}

NtpPacket sntp_question(std::uint64_t mark) {
  NtpPacket packet{};
  packet[0] = 4 << 3 | 3;  // version 4, a client
  for (std::size_t byte = 0; byte < 8; ++byte)
    packet[sent_at + byte] = static_cast<unsigned char>(mark >> (56 - 8 * byte));
  return packet;
}

bool is_answer_to(std::string_view packet, std::uint64_t mark) {
  return packet.size() >= NtpPacket{}.size() && (packet[0] & 7) == 4 &&
         number_at(packet, origin_at) == mark;
}

Result<ClockOffset> read_sntp_answer(std::string_view packet, NtpInstant asked,
                                     NtpInstant answered) {
  auto stratum = static_cast<unsigned char>(packet[1]);
  if (stratum == 0) {  // The "kiss of death", with four letters that say why.
    return failure_of(
        fmt::format("the server refuses to answer ({}): ask it less often, or another one",
                    one_line(packet.substr(12, 4))));
  }
  bool in_doubt = (static_cast<unsigned char>(packet[0]) >> 6) == 3;
  std::uint64_t received = number_at(packet, received_at), sent = number_at(packet, sent_at);
  if (in_doubt || stratum > 15 || sent == 0 || received == 0)
    return failure_of("the server is not synchronised itself: ask another one");
  std::uint64_t ours_before = ntp_timestamp(asked), ours_after = ntp_timestamp(answered);
  ClockOffset offset;
  offset.offset_seconds =
      (seconds_from(ours_before, received) + seconds_from(ours_after, sent)) / 2;
  offset.round_trip_seconds = seconds_from(ours_before, ours_after) - seconds_from(received, sent);
  return offset;
}

}  // namespace yagura
