#include <cstdint>
#include <map>
#include <utility>

#include "smtp_attempt.hpp"
#include "transport.hpp"

namespace yagura {
namespace {

class Smtp : public Transport {
 public:
  Smtp(io::Runtime& runtime, SmtpSettings settings)
      : runtime_(runtime), settings_(std::make_shared<const SmtpSettings>(std::move(settings))) {}

  void deliver(Envelope envelope, std::function<void(Delivery)> done) override {
    std::uint64_t number = ++last_number_;
    attempts_[number] = std::make_unique<SmtpAttempt>(
        runtime_, settings_, std::move(envelope),
        [this, number, done = std::move(done)](Delivery delivery) {
          attempts_.erase(number);
          done(std::move(delivery));  // Last: it may destroy the transport.
        });
  }

 private:
  io::Runtime& runtime_;
  std::shared_ptr<const SmtpSettings> settings_;
  std::uint64_t last_number_ = 0;
  std::map<std::uint64_t, std::unique_ptr<SmtpAttempt>> attempts_;
};

}  // namespace

std::unique_ptr<Transport> make_smtp_transport(io::Runtime& runtime, std::vector<SmtpRelay> relays,
                                               Duration attempt_timeout, std::string helo_name) {
  return std::make_unique<Smtp>(
      runtime, SmtpSettings{std::move(relays), attempt_timeout, std::move(helo_name)});
}

}  // namespace yagura
