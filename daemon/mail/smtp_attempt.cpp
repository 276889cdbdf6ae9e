#include "smtp_attempt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <optional>
#include <utility>

#include "base64.hpp"
#include "message.hpp"
#include "password_file.hpp"
#include "resolver.hpp"
#include "smtp_dialogue.hpp"
#include "smtp_link.hpp"
#include "text.hpp"

namespace yagura {

namespace asio = boost::asio;

namespace {

using Steady = std::chrono::steady_clock;

Duration in_milliseconds(Steady::duration duration) {
  return std::chrono::ceil<Duration>(duration);
}

// A relay may quote what it was sent; the password goes no further, in none of the forms that AUTH
// gives it.
std::string without_password(std::string text, const std::string& user,
                             const std::string& password) {
  if (password.empty()) return text;
  const std::string nul(1, '\0');
  for (const std::string& secret :
       {password, base64(password), base64(nul + user + nul + password)}) {
    for (std::size_t at = 0; (at = text.find(secret, at)) != std::string::npos;) {
      text.replace(at, secret.size(), "[password]");
      at += 10;
    }
  }
  return text;
}

}  // namespace

struct SmtpAttempt::Impl : std::enable_shared_from_this<Impl> {
  Impl(io::Runtime& given, std::shared_ptr<const SmtpSettings> given_settings,
       Envelope given_envelope, std::function<void(Delivery)> given_done)
      : runtime(given),
        settings(std::move(given_settings)),
        envelope(std::move(given_envelope)),
        done(std::move(given_done)),
        timer(given.loop()),
        deadline(Steady::now() + settings->attempt_timeout) {}

  // Wraps a step so that it is skipped once this attempt, or this relay's turn, is over.
  template <class Step>
  auto in_turn(Step step) {
    return [weak = weak_from_this(), turn = turn, step](auto&&... arguments) {
      auto self = weak.lock();
      if (self && self->turn == turn) step(*self, std::forward<decltype(arguments)>(arguments)...);
    };
  }

  void begin() {
    asio::post(runtime.loop(), in_turn([](Impl& self) { self.check_envelope(); }));
  }

  void check_envelope() {
    // RFC 5321 has no word for a line break in an address, but libcurl and a relay would obey it.
    if (auto good = check_address(envelope.from); !good) {
      for (std::string& address : envelope.to)
        open.push_back(std::move(address));
      return give_up("not handed over: mail.from: " + good.error().message);
    }
    for (std::string& address : envelope.to) {
      if (auto good = check_address(address); !good) {
        std::string reply = one_line("not handed over: " + good.error().message);
        result.reply = reply;
        result.refused.push_back({one_line(address, 254), reply});
      } else {
        open.push_back(std::move(address));
      }
    }
    if (settings->relays.empty()) return give_up("no relay is configured");
    next_relay();
  }

  // Starts the turn of the next relay, with its share of what is left of the time.
  void next_relay() {
    if (open.empty() || next == settings->relays.size()) return finish();
    Steady::duration left = deadline - Steady::now();
    if (left <= Steady::duration::zero())
      return next == 0 ? give_up("no time was given") : finish();
    password.clear();
    warning.clear();
    share = in_milliseconds(left / static_cast<int>(settings->relays.size() - next));
    const SmtpRelay& relay = settings->relays[next++];
    auto parsed = parse_relay_url(relay.url);
    if (!parsed) return pass_on(parsed.error().message);
    place = std::move(*parsed);
    result.relay = one_line(place.name(), 200);
    if (!relay.user.empty()) {
      auto read = read_password_file(relay.password_file);
      if (!read) return pass_on(read.error().message);
      password = std::move(read->password);
      warning = std::move(read->warning);
    }
    limit(Steady::now() + share);
    stage = "its name is looked up";
    query =
        runtime.resolver().resolve(place.host, share, in_turn([](Impl& self, io::Resolution found) {
                                     self.query.reset();
                                     self.resolved(std::move(found));
                                   }));
  }

  void limit(Steady::time_point until) {
    timer.expires_at(until);
    // Only the newest wait counts: a handler of an earlier one may be queued already.
    timer.async_wait(in_turn([wait = ++waits](Impl& self, boost::system::error_code error) {
      if (!error && self.waits == wait) self.out_of_time();
    }));
  }

  void out_of_time() {
    std::string words =
        dialogue && dialogue->awaits_verdict()
            ? std::string("no answer in time")
            : fmt::format("no answer within {} while {}", format_duration(share), stage);
    if (!dialogue) return pass_on(words);
    dialogue->lost(words);
    settle();
  }

  void resolved(io::Resolution found) {
    if (found.status != io::Resolution::Status::found || found.addresses.empty()) {
      return pass_on("no connection: " + found.reason);
    }
    stage = "the connection is made";
    SmtpLink::Plan plan;
    plan.relay = settings->relays[next - 1];
    plan.place = place;
    plan.addresses = std::move(found.addresses);
    plan.password = password;
    plan.helo_name = settings->helo_name;
    plan.most = share;
    SmtpLink::Events events;
    events.ready = in_turn([](Impl& self) { self.talk(); });
    events.reply = in_turn([](Impl& self, const SmtpReply& reply) { self.heard(reply); });
    events.sent = in_turn([](Impl& self) { self.sent(); });
    events.lost = in_turn([](Impl& self, const std::string& words) { self.lost(words); });
    link = std::make_unique<SmtpLink>(runtime.loop(), std::move(plan), std::move(events));
  }

  void talk() {
    stage = "the mail is handed over";
    dialogue.emplace(envelope.from, open, envelope.bytes,
                     SmtpDialogue::Offers{link->offers("PIPELINING"), link->offers("SIZE")});
    link->send(dialogue->begin());
  }

  void heard(const SmtpReply& reply) {
    std::string next_bytes = dialogue->take(reply);
    if (dialogue->over()) return settle(true);
    if (next_bytes.empty()) return;
    // An answer to what was not asked yet.
    if (!link->all_sent()) return lost("what it answers does not fit what it was asked");
    link->send(std::move(next_bytes));
  }

  void sent() {
    dialogue->sent();
    // RFC 5321, 4.5.3.2.6: the answer to the final dot may take long, and no other relay may be
    // asked meanwhile.
    if (dialogue->awaits_verdict()) limit(deadline);
  }

  void lost(const std::string& words) {
    if (!dialogue) return pass_on(words);
    dialogue->lost(words);
    settle();
  }

  // The dialogue with this relay is over: counts what came of it.
  void settle(bool answered = false) {
    Delivery part = dialogue->delivery();
    end_turn(answered);
    note(part.reply);
    const auto take_over = [this](std::vector<RecipientReply>& from,
                                  std::vector<RecipientReply>& to) {
      for (RecipientReply& one : from)
        to.push_back({std::move(one.address), safe(one.reply)});
    };
    take_over(part.refused, result.refused);
    result.accepted = std::move(part.accepted);
    result.unknown = part.unknown;
    result.deferred.clear();
    take_over(part.deferred, result.deferred);
    open.clear();
    if (!result.accepted.empty() || result.unknown) return finish();
    for (const RecipientReply& one : result.deferred)
      open.push_back(one.address);
    next_relay();
  }

  // This relay took the mail for nobody, before a word was said about it.
  void pass_on(const std::string& words) {
    end_turn();
    note(words);
    defer_all(words);
    next_relay();
  }

  void give_up(const std::string& words) {
    defer_all(words);
    result.reply = one_line(words);
    finish();
  }

  void defer_all(const std::string& words) {
    result.deferred.clear();
    for (const std::string& address : open)
      result.deferred.push_back({address, safe(words)});
  }

  std::string safe(const std::string& words) const {
    std::string user = next == 0 ? std::string() : settings->relays[next - 1].user;
    return one_line(without_password(words, user, password));
  }

  // Puts it into the reply of the whole attempt, which names each relay, newest first, where there
  // were several.
  void note(const std::string& words) {
    std::string line = safe(words);
    if (!warning.empty()) line += fmt::format(" ({})", warning);
    if (settings->relays.size() > 1) line = result.relay + ": " + line;
    if (next > 1) line += "; before that, " + result.reply;
    result.reply = one_line(line);
  }

  void end_turn(bool answered = false) {
    ++turn;  // From here on no event of this turn is heard.
    timer.cancel();
    if (query) runtime.resolver().cancel(*std::exchange(query, std::nullopt));
    dialogue.reset();
    if (!link) return;
    if (answered && link->all_sent())
      link->send("QUIT\r\n");  // Manners; its answer is not waited for.
    link->close();
    // We may be within one of its events.
    asio::post(runtime.loop(), [old = std::shared_ptr<SmtpLink>(std::move(link))] {});
  }

  void finish() {
    end_turn();
    auto tell = std::move(done);
    done = nullptr;
    if (tell) tell(std::move(result));
  }

  io::Runtime& runtime;
  std::shared_ptr<const SmtpSettings> settings;
  Envelope envelope;
  std::function<void(Delivery)> done;
  asio::steady_timer timer;
  Steady::time_point deadline;

  std::vector<std::string> open;  // Recipients of whom nothing final is known.
  std::size_t next = 0;           // Relay.
  Delivery result;

  // Of the relay whose turn it is.
  std::uint64_t turn = 0;
  std::uint64_t waits = 0;
  Duration share{};
  RelayPlace place;
  std::string password;
  std::string warning;
  std::string stage;
  std::optional<std::uint64_t> query;
  std::unique_ptr<SmtpLink> link;
  std::optional<SmtpDialogue> dialogue;
};

SmtpAttempt::SmtpAttempt(io::Runtime& runtime, std::shared_ptr<const SmtpSettings> settings,
                         Envelope envelope, std::function<void(Delivery)> done)
    : impl_(std::make_shared<Impl>(runtime, std::move(settings), std::move(envelope),
                                   std::move(done))) {
  impl_->begin();
}
SmtpAttempt::~SmtpAttempt() {
  impl_->done = nullptr;
  impl_->end_turn();
}

}  // namespace yagura
