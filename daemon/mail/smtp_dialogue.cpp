#include "smtp_dialogue.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace yagura {
namespace {

// The relay speaks of the dialogue or of our right to use it, not of the mail.
bool speaks_of_us(int code) {
  return code == 503 || code == 530 || code == 534 || code == 535 || code == 538;
}

bool is_final(const SmtpReply& reply) {
  return reply.permanent() && !speaks_of_us(reply.code);
}

}  // namespace

std::string smtp_wire_form(const std::string& bytes) {
  std::string wire;
  wire.reserve(bytes.size() + 64);
  bool at_start = true;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    char c = bytes[at];
    if (c == '\r' || c == '\n') {
      if (c == '\r' && at + 1 < bytes.size() && bytes[at + 1] == '\n') ++at;
      wire += "\r\n";
      at_start = true;
      continue;
    }
    if (at_start && c == '.') wire += '.';
    wire += c;
    at_start = false;
  }
  if (!at_start) wire += "\r\n";
  return wire + ".\r\n";
}

SmtpDialogue::SmtpDialogue(std::string from, const std::vector<std::string>& to,
                           const std::string& bytes, Offers offers)
    : from_(std::move(from)), bytes_(bytes), offers_(offers) {
  for (const std::string& address : to)
    recipients_.push_back({address, Fate::open, {}});
}

std::string SmtpDialogue::recipient_command(std::size_t index) const {
  return fmt::format("RCPT TO:<{}>\r\n", recipients_[index].address);
}

std::string SmtpDialogue::begin() {
  std::string commands = offers_.size
                             ? fmt::format("MAIL FROM:<{}> SIZE={}\r\n", from_, bytes_.size())
                             : fmt::format("MAIL FROM:<{}>\r\n", from_);
  // One write for all: a small write after a small one waits for the other side's delayed
  // acknowledgement.
  for (std::size_t at = 0; offers_.pipelining && at < recipients_.size(); ++at) {
    commands += recipient_command(at);
  }
  return commands;
}

std::string SmtpDialogue::take(const SmtpReply& reply) {
  switch (stage_) {
    case Stage::mail:
      if (!reply.positive()) {
        // Nothing is said of the recipients, who must not be looked at for the fault.
        end(is_final(reply) ? Fate::refused : Fate::deferred,
            fmt::format("{} <{}>: {}", sender_refused, from_, reply.text()));
        return {};
      }
      stage_ = Stage::recipients;
      return offers_.pipelining ? std::string() : recipient_command(0);
    case Stage::recipients:
      return take_recipient(reply);
    case Stage::data:
      if (reply.code == 354) {
        stage_ = Stage::body;
        return smtp_wire_form(bytes_);
      }
      end(is_final(reply) ? Fate::refused : Fate::deferred, reply.text());
      return {};
    case Stage::body:
      take_verdict(reply);
      return {};
    case Stage::over:
      return {};
  }
  return {};
}

std::string SmtpDialogue::take_recipient(const SmtpReply& reply) {
  Recipient& recipient = recipients_[answered_];
  recipient.reply = reply.text();
  reply_ = recipient.reply;
  if (reply.code == 421) {  // It closes: whatever it said before, it takes nothing.
    end(Fate::deferred, recipient.reply);
    return {};
  }
  recipient.fate = reply.positive()                       ? Fate::taken
                   : is_final(reply) && reply.code != 552 ? Fate::refused
                                                          : Fate::deferred;
  if (++answered_ < recipients_.size()) {
    return offers_.pipelining ? std::string() : recipient_command(answered_);
  }
  bool any = std::any_of(recipients_.begin(), recipients_.end(),
                         [](const Recipient& one) { return one.fate == Fate::taken; });
  stage_ = any ? Stage::data : Stage::over;
  return any ? "DATA\r\n" : std::string();
}

void SmtpDialogue::take_verdict(const SmtpReply& reply) {
  if (is_final(reply)) {
    end(Fate::refused, reply.text());
  } else if (reply.transient() || reply.permanent() || !body_sent_) {
    end(Fate::deferred, reply.text());
  } else {
    end(reply.positive() ? Fate::accepted : Fate::unknown, reply.text());
  }
}

void SmtpDialogue::sent() {
  if (stage_ == Stage::body) body_sent_ = true;
}

void SmtpDialogue::lost(const std::string& words) {
  if (over()) return;
  if (awaits_verdict()) {
    end(Fate::unknown,
        fmt::format("{}, after the whole mail was sent: it may have arrived", words));
  } else {
    end(Fate::deferred, words);
  }
}

void SmtpDialogue::end(Fate fate, const std::string& reply) {
  for (Recipient& recipient : recipients_) {
    if (recipient.fate != Fate::open && recipient.fate != Fate::taken) continue;
    recipient.fate = fate;
    recipient.reply = reply;
  }
  reply_ = reply;
  stage_ = Stage::over;
}

Delivery SmtpDialogue::delivery() const {
  Delivery delivery;
  delivery.reply = reply_;
  for (const Recipient& recipient : recipients_) {
    switch (recipient.fate) {
      case Fate::accepted:
        delivery.accepted.push_back(recipient.address);
        break;
      case Fate::refused:
        delivery.refused.push_back({recipient.address, recipient.reply});
        break;
      case Fate::open:
      case Fate::taken:
      case Fate::deferred:
        delivery.deferred.push_back({recipient.address, recipient.reply});
        break;
      case Fate::unknown:
        delivery.unknown = true;
        break;
    }
  }
  return delivery;
}

}  // namespace yagura
