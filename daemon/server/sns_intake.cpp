#include "sns_intake.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <set>

#include "liveness/http_run.hpp"
#include "probe.hpp"
#include "text.hpp"

namespace yagura {

namespace {

constexpr Duration fetched_within = 10s;
constexpr std::size_t most_fetches = 8;
constexpr std::size_t most_shown = 200;

SnsIntake::Outcome refused(int status, std::string why) { return {status, std::move(why), {}, {}, {}}; }

// The text that a page of SNS has between <name> and </name>.
std::string between(std::string_view page, std::string_view name) {
  const auto from = page.find(fmt::format("<{}>", name));
  const auto to = page.find(fmt::format("</{}>", name));
  if (from == std::string_view::npos || to == std::string_view::npos || to < from + name.size() + 2) return {};
  return std::string(page.substr(from + name.size() + 2, to - from - name.size() - 2));
}

}  // namespace

Fetch fetch_from_sns(io::Runtime& runtime) {
  auto runs = std::make_shared<std::set<std::shared_ptr<NetworkRun>>>();
  return [&runtime, runs](const std::string& address, std::function<void(Result<std::string>)> done) {
    Result<HttpUrl> url = parse_http_url(address);
    const auto later = [&runtime](std::function<void()> work) { boost::asio::post(runtime.loop(), std::move(work)); };
    if (!url || runs->size() >= most_fetches) {
      return later([done, why = url ? std::string("too many questions to SNS wait for an answer") : url.error().message] {
        done(failure_of(why));
      });
    }
    auto request = std::make_shared<HttpRequest>();
    request->url = *url;
    request->redirects = 0;
    request->keep_body = true;
    auto body = std::make_shared<Result<std::string>>(failure_of("SNS did not answer"));
    auto self = std::make_shared<std::weak_ptr<NetworkRun>>();
    std::shared_ptr<NetworkRun> run = fetch_page(
        runtime, {Instant{}, fetched_within, false}, request,
        [body](const HttpPage& page) {
          if (page.status == 200 && !page.body_cut) {
            *body = page.body;
            return Finding{Verdict::ok, "", {}};
          }
          return Finding{Verdict::failing, fmt::format("SNS answers with status {}", page.status), {}};
        },
        [runs, self, body, done, later](Finding finding) {
          // It may not be destroyed within its own callback.
          if (auto ended = self->lock()) later([runs, ended] { runs->erase(ended); });
          done(finding.verdict == Verdict::ok ? *body : failure_of(finding.reason));
        });
    *self = run;
    runs->insert(run);
    run->start(url->host());
  };
}

void SnsIntake::take(const std::string& body, const std::vector<std::string>& topics, Instant now, Done done) {
  auto message = read_sns(body);
  if (!message) return done(refused(400, message.error().message));
  if (std::find(topics.begin(), topics.end(), message->topic) == topics.end()) {
    return done(refused(403, fmt::format("the topic {} is not one of `topics`", one_line(message->topic, most_shown))));
  }
  const std::string address = message->signing_cert_url;
  auto known = certificates_.find(address);
  if (known != certificates_.end() && now - known->second.fetched < kept_for && known->second.fetched <= now) {
    return judge(*message, known->second.pem, done);
  }
  fetch_(address, [this, alive = std::weak_ptr(alive_), message = *message, address, now, done](Result<std::string> pem) {
    if (alive.expired()) return;
    if (!pem) return done(refused(503, "the certificate of SNS could not be fetched: " + one_line(pem.error().message, most_shown)));
    if (certificates_.size() >= most_certificates) certificates_.clear();
    certificates_[address] = {*pem, now};
    judge(message, *pem, done);
  });
}

void SnsIntake::judge(const SnsMessage& message, const std::string& certificate, const Done& done) {
  if (auto signed_by_sns = verify(message, certificate); !signed_by_sns) {
    certificates_.erase(message.signing_cert_url);
    return done(refused(403, signed_by_sns.error().message));
  }
  switch (message.type) {
    case SnsMessage::Type::subscription:
      return confirm(message, done);
    case SnsMessage::Type::unsubscription:
      return done({200, {}, {}, "alarm.unsubscribed", {{"topic", one_line(message.topic, most_shown)}}});
    case SnsMessage::Type::notification:
      break;
  }
  auto report = read_cloudwatch(message);
  if (!report) {
    return done({200, {}, {}, "alarm.unreadable", {{"topic", one_line(message.topic, most_shown)}, {"why", report.error().message}}});
  }
  done({200, {}, std::move(*report), {}, {}});
}

void SnsIntake::confirm(const SnsMessage& message, const Done& done) {
  fetch_(message.subscribe_url, [alive = std::weak_ptr(alive_), topic = message.topic, done](Result<std::string> page) {
    if (alive.expired()) return;
    if (!page) return done(refused(503, "the subscription could not be confirmed: " + one_line(page.error().message, most_shown)));
    done({200, {}, {}, "alarm.subscribed",
          {{"topic", one_line(topic, most_shown)}, {"subscription", one_line(between(*page, "SubscriptionArn"), most_shown)}}});
  });
}

}  // namespace yagura
