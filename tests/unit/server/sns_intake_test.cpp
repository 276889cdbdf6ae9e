// What becomes of a message of SNS: who is asked for what, how often, and what of it is believed.
#include "sns_intake.hpp"

#include <boost/json.hpp>

#include "../incoming/sns_signer.hpp"

using namespace yagura;
using namespace yagura::test;

namespace {

const std::string topic = "arn:aws:sns:ap-northeast-1:123456789012:alarms";
const std::string certificate_url = "https://sns.ap-northeast-1.amazonaws.com/SimpleNotificationService-0a1b.pem";
const std::string subscribe_url = "https://sns.ap-northeast-1.amazonaws.com/?Action=ConfirmSubscription&Token=t";
const Instant begin = *parse_instant("2026-12-28T10:00:00+09:00");

// SNS, and what it was asked for.
struct Sns {
  SnsSigner signer;
  std::vector<std::string> asked;
  bool answers = true;
  std::string certificate = signer.pem;
  SnsIntake intake{[this](const std::string& url, std::function<void(Result<std::string>)> done) {
    asked.push_back(url);
    if (!answers) return done(failure_of("no answer within 10s"));
    if (url == subscribe_url) return done(std::string("<r><SubscriptionArn>arn:of:it</SubscriptionArn></r>"));
    done(certificate);
  }};

  std::string body(const std::string& type, const std::string& message, const std::string& version = "2") {
    SnsMessage made;
    made.type = type == "Notification"               ? SnsMessage::Type::notification
                : type == "SubscriptionConfirmation" ? SnsMessage::Type::subscription
                                                     : SnsMessage::Type::unsubscription;
    made.digest = version == "1" ? SnsMessage::Digest::sha1 : SnsMessage::Digest::sha256;
    made.topic = topic;
    made.message = message;
    made.message_id = "m";
    made.timestamp = "2026-12-28T07:58:30.000Z";
    made.token = "t";
    made.subscribe_url = subscribe_url;
    signer.sign(made);
    return boost::json::serialize(boost::json::object{{"Type", type}, {"TopicArn", topic}, {"Message", message}, {"MessageId", "m"},
                                                      {"Timestamp", made.timestamp}, {"Token", "t"}, {"SubscribeURL", subscribe_url},
                                                      {"SignatureVersion", version}, {"Signature", made.signature},
                                                      {"SigningCertURL", certificate_url}});
  }
  SnsIntake::Outcome take(const std::string& text, Instant now = begin) {
    SnsIntake::Outcome given;
    given.status = 0;
    intake.take(text, {"arn:aws:sns:eu-west-1:1:other", topic}, now, [&](SnsIntake::Outcome outcome) { given = std::move(outcome); });
    return given;
  }
};

const std::string cpu_alarm = R"({"AlarmName":"web-1-cpu","NewStateValue":"ALARM","StateChangeTime":"2026-12-28T07:58:30.123+0000"})";

}  // namespace

TEST_CASE("an alarm that SNS signed is taken, and its certificate is fetched once a day") {
  Sns sns;
  for (const char* version : {"1", "2"}) {
    const auto outcome = sns.take(sns.body("Notification", cpu_alarm, version));
    CHECK(outcome.status == 200);
    REQUIRE(outcome.report);
    CHECK(outcome.report->name == "web-1-cpu");
  }
  CHECK(sns.asked == std::vector<std::string>{certificate_url});
  CHECK(sns.take(sns.body("Notification", cpu_alarm), begin + 25h).status == 200);
  CHECK(sns.asked.size() == 2);
}

TEST_CASE("what is not of a topic that is listed leads to no question, and is refused") {
  Sns sns;
  std::string body = sns.body("SubscriptionConfirmation", "x");
  body.replace(body.find(":alarms"), 7, ":alarmz");
  CHECK(sns.take(body).status == 403);
  CHECK(sns.asked.empty());
}

TEST_CASE("what SNS did not sign is refused, and confirms nothing") {
  Sns sns;
  std::string body = sns.body("SubscriptionConfirmation", "x");
  body.replace(body.find("\"x\""), 3, "\"y\"");
  CHECK(sns.take(body).status == 403);
  CHECK(sns.asked == std::vector<std::string>{certificate_url});
  CHECK(sns.take("{}").status == 400);
}

TEST_CASE("a subscription to a topic that is listed is confirmed") {
  Sns sns;
  const auto outcome = sns.take(sns.body("SubscriptionConfirmation", "x"));
  CHECK(outcome.status == 200);
  CHECK(outcome.what == "alarm.subscribed");
  CHECK(outcome.details.at("subscription") == "arn:of:it");
  CHECK(sns.asked == std::vector<std::string>{certificate_url, subscribe_url});
}

TEST_CASE("while SNS does not answer its messages are asked to come again") {
  Sns sns;
  sns.answers = false;
  CHECK(sns.take(sns.body("Notification", cpu_alarm)).status == 503);
  sns.answers = true;
  CHECK(sns.take(sns.body("Notification", cpu_alarm)).status == 200);
  sns.answers = false;
  CHECK(sns.take(sns.body("SubscriptionConfirmation", "x")).status == 503);
}

TEST_CASE("a certificate that does not fit is not kept") {
  Sns sns;
  sns.certificate = "no certificate";
  CHECK(sns.take(sns.body("Notification", cpu_alarm)).status == 403);
  sns.certificate = sns.signer.pem;
  CHECK(sns.take(sns.body("Notification", cpu_alarm)).status == 200);
}

TEST_CASE("the end of a subscription, and what is no alarm, is told of") {
  Sns sns;
  CHECK(sns.take(sns.body("UnsubscribeConfirmation", "x")).what == "alarm.unsubscribed");
  const auto outcome = sns.take(sns.body("Notification", "hello"));
  CHECK(outcome.status == 200);
  CHECK(outcome.what == "alarm.unreadable");
  CHECK(!outcome.report);
}
