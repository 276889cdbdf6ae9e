// A message of Amazon SNS, and CloudWatch's within it.
#include "sns.hpp"

#include "fuzz.hpp"
#include "text.hpp"

namespace yagura::fuzz {
namespace {

void run(std::string_view bytes) {
  auto read = read_sns(bytes);
  if (read) {
    const std::string region = region_of(read->topic);
    require(!region.empty(), "a message is of a topic");
    require(is_sns_address(read->signing_cert_url, region), "a certificate is of SNS");
    require(read->type == SnsMessage::Type::notification || is_sns_address(read->subscribe_url, region), "a subscription is of SNS");
    require(!verify(*read, ""), "without a certificate nothing is believed");
    (void)text_to_sign(*read);
  }
  SnsMessage message;
  message.topic = "arn:aws:sns:ap-northeast-1:123456789012:alarms";
  message.message = std::string(bytes);
  const auto report = read_cloudwatch(message);
  if (!report) return;
  require(report->says != Verdict::warning, "CloudWatch does not warn");
  require(report->id == one_line(report->id, 500) && report->name == one_line(report->name, 200) && report->text == one_line(report->text, 300),
          "texts are safe and bounded");
  for (const auto& [name, value] : report->labels) require(value == one_line(value, 500), "labels are safe and bounded");
}
const Target target("sns", run);

}  // namespace
}  // namespace yagura::fuzz
