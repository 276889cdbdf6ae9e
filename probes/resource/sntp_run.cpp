#include "sntp_run.hpp"

#include <fmt/format.h>

#include <boost/asio/buffer.hpp>
#include <random>

#include "runtime.hpp"
#include "text.hpp"

namespace yagura {
namespace {

using boost::system::error_code;

// Packets that are no answer to our question: late ones, or somebody's who guesses.
constexpr int most_strangers = 32;

NtpInstant wall_now() {
  return std::chrono::system_clock::now();
}

}  // namespace

SntpRun::SntpRun(io::Runtime& runtime, const ProbeRun& run, std::uint16_t port,
                 std::function<void(Result<ClockOffset>)> done)
    : NetworkRun(runtime, run,
                 [this, done = std::move(done)](const Finding& finding) {
                   if (offset_) return done(*offset_);
                   done(failure_of(finding.reason));
                 }),
      port_(port),
      socket_(runtime.loop()),
      share_(runtime.loop()) {}

void SntpRun::begin(std::vector<Address> addresses) {
  addresses_ = std::move(addresses);
  try_next();
}

void SntpRun::try_next() {
  if (next_ == addresses_.size()) return finish({Verdict::unknown, one_line(trouble_), {}});
  std::size_t left = addresses_.size() - next_;
  Address address = addresses_[next_++];
  place_ = place_of(address, port_);
  error_code error;
  socket_.close(error);
  boost::asio::ip::udp::endpoint endpoint(address, port_);
  socket_.open(endpoint.protocol(), error);
  // Connected, so that it takes packets from there only, and hears of a port that is closed.
  if (!error) socket_.connect(endpoint, error);
  if (!error) socket_.non_blocking(true, error);
  if (error) return attempt_failed(error.message());
  std::random_device random;
  mark_ = std::uint64_t{random()} << 32 | random();
  NtpPacket question = sntp_question(mark_);
  asked_ = wall_now();
  socket_.send(boost::asio::buffer(question), 0, error);
  if (error) return attempt_failed(error.message());
  std::size_t attempt = next_;
  read();
  if (left == 1) return;  // The last one has until the deadline.
  share_.expires_after((deadline() - Steady::now()) / left);
  share_.async_wait(while_running([this, attempt](error_code failed) {
    if (!failed && attempt == next_) attempt_failed("no answer");
  }));
}

void SntpRun::read() {
  std::size_t attempt = next_;
  socket_.async_receive(boost::asio::buffer(packet_),
                        while_running([this, attempt](error_code error, std::size_t size) {
                          if (attempt != next_) return;
                          if (error) return attempt_failed(error.message());
                          on_packet(size);
                        }));
}

void SntpRun::on_packet(std::size_t size) {
  NtpInstant answered = wall_now();
  std::string_view packet(packet_.data(), size);
  if (!is_answer_to(packet, mark_)) {
    if (++strangers_ > most_strangers) return attempt_failed("it sends no answers, but much else");
    return read();
  }
  auto offset = read_sntp_answer(packet, asked_, answered);
  if (!offset) return attempt_failed(offset.error().message);
  offset_ = *offset;
  finish({});
}

void SntpRun::attempt_failed(const std::string& why) {
  trouble_ = fmt::format("the time could not be had from {}: {}", place_, why);
  share_.cancel();
  try_next();
}

Finding SntpRun::timed_out() {
  return {Verdict::unknown,
          fmt::format("the time could not be had from {}: no answer within {}", place_,
                      format_duration(run().timeout)),
          {}};
}

void SntpRun::stop() {
  error_code ignored;
  socket_.close(ignored);
  share_.cancel();
}

}  // namespace yagura
