// What Amazon SNS posts: a message, whether it is SNS that signed it, and what CloudWatch says in it.
// https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html. Pure: whoever needs a
// certificate fetches it.
#pragma once

#include <string>
#include <string_view>

#include "outside/alarm_monitor.hpp"
#include "result.hpp"

namespace yagura {

struct SnsMessage {
  enum class Type { notification, subscription, unsubscription } type = Type::notification;
  std::string topic;  // "arn:aws:sns:ap-northeast-1:123456789012:alarms"
  // As they came, byte by byte, as they are signed.
  std::string message, message_id, subject, timestamp, token, subscribe_url;
  bool has_subject = false;
  std::string signature;  // base64
  std::string signing_cert_url;
  enum class Digest { sha1, sha256 } digest = Digest::sha1;
};

// Error: it is no message of SNS, or one that says of itself that it comes from elsewhere: both addresses in it are held
// against is_sns_address() before anybody can ask there.
Result<SnsMessage> read_sns(std::string_view body);

// https://sns.REGION.amazonaws.com/… (or .amazonaws.com.cn), of that region; no user, no port, nothing that a reader of URLs
// could take for another host.
bool is_sns_address(std::string_view url, std::string_view region);
// The region of a topic's ARN; "" where it is none.
std::string region_of(std::string_view topic);

// What is signed.
std::string text_to_sign(const SnsMessage& message);
// Error: SNS, whose certificate (PEM) this is, did not sign that.
Result<void> verify(const SnsMessage& message, std::string_view certificate);

// The alarm that CloudWatch speaks of in a notification. Error: it is not of CloudWatch.
Result<AlarmReport> read_cloudwatch(const SnsMessage& message);

}  // namespace yagura
