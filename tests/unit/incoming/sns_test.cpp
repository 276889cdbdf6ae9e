// Messages of SNS, signed by a certificate of the test's own, and what somebody else would send.
#include "sns.hpp"

#include <fmt/format.h>

#include <functional>

#include "sns_signer.hpp"

using namespace yagura;
using namespace yagura::test;

namespace {

const std::string topic = "arn:aws:sns:ap-northeast-1:123456789012:alarms";
const std::string certificate_url = "https://sns.ap-northeast-1.amazonaws.com/SimpleNotificationService-0a1b.pem";

const SnsSigner& signer() {
  static const SnsSigner one;
  return one;
}

SnsMessage notification() {
  SnsMessage message;
  message.topic = topic;
  message.message = "{\"AlarmName\":\"a\"}";
  message.message_id = "da41e39f";
  message.timestamp = "2026-12-28T07:58:30.000Z";
  message.signing_cert_url = certificate_url;
  return message;
}

std::string body(const std::string& type, const std::string& more = "", const std::string& cert = certificate_url,
                 const std::string& of = topic) {
  return fmt::format(R"({{"Type":"{}","TopicArn":"{}","MessageId":"m","Message":"x","Timestamp":"t","SignatureVersion":"1","Signature":"AAAA",
"SigningCertURL":"{}"{}}})", type, of, cert, more);
}
std::string refused(const std::string& text) {
  auto read = read_sns(text);
  return read ? "taken" : read.error().message;
}

Result<AlarmReport> cloudwatch(const std::string& state, const std::string& more = "") {
  SnsMessage message = notification();
  message.message = fmt::format(R"json({{"AlarmName":"web-1-cpu","AWSAccountId":"123456789012","NewStateValue":"{}","NewStateReason":
"Threshold Crossed","StateChangeTime":"2026-12-28T07:58:30.123+0000","Region":"Asia Pacific (Tokyo)",
"AlarmArn":"arn:aws:cloudwatch:ap-northeast-1:123456789012:alarm:web-1-cpu","Trigger":{{"MetricName":"CPUUtilization","Namespace":"AWS/EC2"}}{}}})json",
                                state, more);
  return read_cloudwatch(message);
}

}  // namespace

TEST_CASE("the text that is signed is the one that AWS describes") {
  SnsMessage message = notification();
  CHECK(text_to_sign(message) == "Message\n{\"AlarmName\":\"a\"}\nMessageId\nda41e39f\nTimestamp\n2026-12-28T07:58:30.000Z\nTopicArn\n" +
                                     topic + "\nType\nNotification\n");
  message.has_subject = true;
  message.subject = "ALARM: a";
  CHECK(text_to_sign(message).find("\nSubject\nALARM: a\nTimestamp\n") != std::string::npos);
  message.type = SnsMessage::Type::subscription;
  message.token = "t";
  message.subscribe_url = "https://sns.ap-northeast-1.amazonaws.com/?x";
  CHECK(text_to_sign(message).ends_with("MessageId\nda41e39f\nSubscribeURL\nhttps://sns.ap-northeast-1.amazonaws.com/?x\nTimestamp\n"
                                        "2026-12-28T07:58:30.000Z\nToken\nt\nTopicArn\n" + topic + "\nType\nSubscriptionConfirmation\n"));
}

TEST_CASE("a signature is SNS's own, or nothing is believed") {
  for (auto digest : {SnsMessage::Digest::sha1, SnsMessage::Digest::sha256}) {
    SnsMessage message = notification();
    message.digest = digest;
    signer().sign(message);
    CHECK(verify(message, signer().pem));
    const std::vector<std::function<void(SnsMessage&)>> changes{
        [](SnsMessage& one) { one.message += " "; },         [](SnsMessage& one) { one.topic += "x"; },
        [](SnsMessage& one) { one.timestamp += "x"; },       [](SnsMessage& one) { one.has_subject = true; },
        [](SnsMessage& one) { one.type = SnsMessage::Type::subscription; },
        [](SnsMessage& one) { one.signature[5] = one.signature[5] == 'A' ? 'B' : 'A'; },
        [](SnsMessage& one) { one.signature.clear(); },      [](SnsMessage& one) { one.signature = "####"; },
        [](SnsMessage& one) { one.signature.pop_back(); },   [](SnsMessage& one) { one.signature = std::string(4'000, 'A'); },
        [](SnsMessage& one) {
          one.digest = one.digest == SnsMessage::Digest::sha1 ? SnsMessage::Digest::sha256 : SnsMessage::Digest::sha1;
        }};
    for (const auto& change : changes) {
      SnsMessage changed = message;
      change(changed);
      CHECK(!verify(changed, signer().pem));
    }
    const SnsSigner other;
    CHECK(!verify(message, other.pem));
    CHECK(!verify(message, ""));
    CHECK(!verify(message, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
  }
}

TEST_CASE("nobody but SNS of the topic's own region is asked") {
  const std::string region = "ap-northeast-1";
  CHECK(is_sns_address("https://sns.ap-northeast-1.amazonaws.com/x.pem", region));
  CHECK(is_sns_address("https://sns.cn-north-1.amazonaws.com.cn/x.pem", "cn-north-1"));
  for (const char* url :
       {"http://sns.ap-northeast-1.amazonaws.com/x.pem", "https://sns.ap-northeast-1.amazonaws.com.evil.example/x.pem",
        "https://sns.ap-northeast-1.amazonaws.com@evil.example/x.pem", "https://evil.example/https://sns.ap-northeast-1.amazonaws.com/x.pem",
        "https://sns.us-east-1.amazonaws.com/x.pem", "https://sns.ap-northeast-1.amazonaws.com:444/x.pem",
        "https://s3.ap-northeast-1.amazonaws.com/x.pem", "https://sns.ap-northeast-1.amazonaws.com\\@evil.example/x.pem",
        "https://sns.ap-northeast-1.amazonaws.com/\n/x.pem", "https://sns.ap-northeast-1.amazonaws.com/@x", "HTTPS://sns.ap-northeast-1.amazonaws.com/x",
        "https://sns.ap-northeast-1.amazonaws.com", ""}) {
    CAPTURE(url);
    CHECK(!is_sns_address(url, region));
  }
  CHECK(!is_sns_address("https://sns..amazonaws.com/x.pem", ""));
  CHECK(region_of("arn:aws:sns:evil.example/:123456789012:a") == "");
  CHECK(region_of("arn:aws:sns:ap-northeast-1:123456789012:a:b") == "");
  CHECK(region_of(topic) == "ap-northeast-1");
}

TEST_CASE("a message of SNS that cannot be trusted is refused before anybody is asked") {
  const std::string here = ",\"SubscribeURL\":\"https://sns.ap-northeast-1.amazonaws.com/?Action=ConfirmSubscription\"";
  CHECK(refused(body("Notification")) == "taken");
  CHECK(refused(body("SubscriptionConfirmation", here)) == "taken");
  CHECK(refused(body("UnsubscribeConfirmation", here)) == "taken");
  CHECK(refused("").starts_with("this is not JSON"));
  CHECK(refused("[]") == "a message of SNS is a JSON object");
  CHECK(refused(body("Other")) == "`Other` is no type of a message of SNS");
  CHECK(refused(body("Notification", "", certificate_url, "arn:aws:s3:::b")).find("is no topic of SNS") != std::string::npos);
  CHECK(refused(body("Notification", "", "https://evil.example/x.pem")).starts_with("the certificate's address is not of SNS"));
  CHECK(refused(body("Notification", "", "https://sns.ap-northeast-1.amazonaws.com/x")).starts_with("the certificate's address is not of SNS"));
  CHECK(refused(body("SubscriptionConfirmation")).starts_with("the address of the subscription is not of SNS"));
  CHECK(refused(body("SubscriptionConfirmation", ",\"SubscribeURL\":\"http://169.254.169.254/\"")).starts_with("the address of the subscription"));
}

TEST_CASE("an alarm of CloudWatch: what it is, and when it became so") {
  const auto alarm = cloudwatch("ALARM");
  REQUIRE(alarm);
  CHECK(alarm->says == Verdict::failing);
  CHECK(alarm->id == "arn:aws:cloudwatch:ap-northeast-1:123456789012:alarm:web-1-cpu");
  CHECK(alarm->name == "web-1-cpu");
  CHECK(alarm->text == "Threshold Crossed");
  CHECK(alarm->at == *parse_instant("2026-12-28T07:58:30.123Z"));
  CHECK(alarm->labels == AlarmLabels{{"account", "123456789012"}, {"alarm", "web-1-cpu"}, {"metric", "CPUUtilization"},
                                     {"namespace", "AWS/EC2"}, {"region", "ap-northeast-1"}, {"topic", topic}});
  CHECK(cloudwatch("OK")->says == Verdict::ok);
  CHECK(cloudwatch("INSUFFICIENT_DATA")->says == Verdict::unknown);
  CHECK(!cloudwatch("FINE"));
  SnsMessage other = notification();
  other.message = "hello";
  CHECK(!read_cloudwatch(other));
  other.message = "{}";
  CHECK(!read_cloudwatch(other));
}
