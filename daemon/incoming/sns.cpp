#include "sns.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base64.hpp"
#include "alarm_json.hpp"
#include "text.hpp"

namespace yagura {
namespace {

using namespace alarm_json;

constexpr std::size_t most_text = 300;
constexpr std::size_t most_address = 2'000;
constexpr std::size_t most_signature = 2'000;

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// As it came: a signature is over these bytes.
std::string raw_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(json::string_view(key.data(), key.size()));
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::vector<std::string_view> parts_of(std::string_view text, char between) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto at = text.find(between);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

bool has_only(std::string_view text, std::string_view letters) {
  return !text.empty() && text.find_first_not_of(letters) == std::string_view::npos;
}
constexpr std::string_view small_letters = "abcdefghijklmnopqrstuvwxyz0123456789-";

// "2026-12-28T16:58:30.123+0000": the colon is what RFC 3339 wants.
std::optional<Instant> instant_of(std::string text) {
  if (text.size() > 5 && (text[text.size() - 5] == '+' || text[text.size() - 5] == '-')) text.insert(text.size() - 2, ":");
  auto instant = parse_instant(text);
  return instant ? std::optional(*instant) : std::nullopt;
}

}  // namespace

std::string region_of(std::string_view topic) {
  const auto parts = parts_of(topic, ':');
  const bool is_topic = parts.size() == 6 && parts[0] == "arn" && has_only(parts[1], small_letters) && parts[2] == "sns" &&
                        has_only(parts[3], small_letters) && has_only(parts[4], "0123456789") && !parts[5].empty();
  return is_topic ? std::string(parts[3]) : std::string();
}

bool is_sns_address(std::string_view url, std::string_view region) {
  if (url.size() > most_address || region.empty()) return false;
  const bool is_plain = std::all_of(url.begin(), url.end(), [](char letter) {
    return letter > 0x20 && letter < 0x7f && letter != '\\' && letter != '@' && letter != '#';
  });
  const std::string begins = fmt::format("https://sns.{}.amazonaws.com/", region);
  const std::string china = fmt::format("https://sns.{}.amazonaws.com.cn/", region);
  return is_plain && (url.starts_with(begins) || url.starts_with(china));
}

Result<SnsMessage> read_sns(std::string_view body) {
  auto value = parse(body);
  if (!value) return tl::unexpected(value.error());
  if (!value->is_object()) return failure_of("a message of SNS is a JSON object");
  const json::object& object = value->get_object();
  SnsMessage read;
  const std::string type = raw_of(object, "Type");
  if (type == "Notification") {
    read.type = SnsMessage::Type::notification;
  } else if (type == "SubscriptionConfirmation") {
    read.type = SnsMessage::Type::subscription;
  } else if (type == "UnsubscribeConfirmation") {
    read.type = SnsMessage::Type::unsubscription;
  } else {
    return failure_of(fmt::format("`{}` is no type of a message of SNS", one_line(type, 60)));
  }
  read.topic = raw_of(object, "TopicArn");
  const std::string region = region_of(read.topic);
  if (region.empty()) return failure_of(fmt::format("`{}` is no topic of SNS", one_line(read.topic, 200)));
  read.message = raw_of(object, "Message");
  read.message_id = raw_of(object, "MessageId");
  read.has_subject = object.if_contains("Subject") != nullptr && object.at("Subject").is_string();
  read.subject = raw_of(object, "Subject");
  read.timestamp = raw_of(object, "Timestamp");
  read.token = raw_of(object, "Token");
  read.subscribe_url = raw_of(object, "SubscribeURL");
  read.signature = raw_of(object, "Signature");
  read.signing_cert_url = raw_of(object, "SigningCertURL");
  const std::string version = raw_of(object, "SignatureVersion");
  if (version != "1" && version != "2") {
    return failure_of(fmt::format("a signature of version 1 or 2 is wanted, not `{}`", one_line(version, 20)));
  }
  read.digest = version == "1" ? SnsMessage::Digest::sha1 : SnsMessage::Digest::sha256;
  if (!is_sns_address(read.signing_cert_url, region) || !read.signing_cert_url.ends_with(".pem")) {
    return failure_of(fmt::format("the certificate's address is not of SNS in {}: {}", region, one_line(read.signing_cert_url, 200)));
  }
  if (read.type != SnsMessage::Type::notification && !is_sns_address(read.subscribe_url, region)) {
    return failure_of(fmt::format("the address of the subscription is not of SNS in {}: {}", region, one_line(read.subscribe_url, 200)));
  }
  return read;
}

std::string text_to_sign(const SnsMessage& message) {
  std::string text;
  const auto add = [&](std::string_view name, const std::string& value) { text += fmt::format("{}\n{}\n", name, value); };
  add("Message", message.message);
  add("MessageId", message.message_id);
  if (message.type == SnsMessage::Type::notification) {
    if (message.has_subject) add("Subject", message.subject);
    add("Timestamp", message.timestamp);
    add("TopicArn", message.topic);
    add("Type", "Notification");
    return text;
  }
  add("SubscribeURL", message.subscribe_url);
  add("Timestamp", message.timestamp);
  add("Token", message.token);
  add("TopicArn", message.topic);
  add("Type", message.type == SnsMessage::Type::subscription ? "SubscriptionConfirmation" : "UnsubscribeConfirmation");
  return text;
}

Result<void> verify(const SnsMessage& message, std::string_view certificate) {
  const std::unique_ptr<BIO, Free> bytes(BIO_new_mem_buf(certificate.data(), static_cast<int>(certificate.size())));
  const std::unique_ptr<X509, Free> read(bytes ? PEM_read_bio_X509(bytes.get(), nullptr, nullptr, nullptr) : nullptr);
  const std::unique_ptr<EVP_PKEY, Free> key(read ? X509_get_pubkey(read.get()) : nullptr);
  if (!key) return failure_of("the certificate of SNS cannot be read");
  const auto signature = message.signature.size() <= most_signature ? from_base64(message.signature) : std::nullopt;
  if (!signature) return failure_of("the signature is no base64");
  const std::string text = text_to_sign(message);
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  const EVP_MD* digest = message.digest == SnsMessage::Digest::sha1 ? EVP_sha1() : EVP_sha256();
  const bool is_signed =
      context && EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key.get()) == 1 &&
      EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature->data()), signature->size(),
                       reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
  if (!is_signed) return failure_of("it is not signed by SNS");
  return {};
}

Result<AlarmReport> read_cloudwatch(const SnsMessage& message) {
  auto value = parse(message.message);
  if (!value || !value->is_object() || text_of(value->get_object(), "AlarmName", most_name).empty()) {
    return failure_of("the notification is not of an alarm of CloudWatch");
  }
  const json::object& alarm = value->get_object();
  AlarmReport report;
  report.source = AlarmSource::sns;
  report.name = text_of(alarm, "AlarmName", most_name);
  const std::string arn = text_of(alarm, "AlarmArn", most_value);
  const auto parts = parts_of(arn, ':');
  report.labels["alarm"] = report.name;
  report.labels["account"] = text_of(alarm, "AWSAccountId", most_name);
  // `Region` is a name for people ("Asia Pacific (Tokyo)"); where the alarm's ARN is missing, the topic's region it is.
  report.labels["region"] = parts.size() > 3 ? std::string(parts[3]) : region_of(message.topic);
  report.labels["topic"] = one_line(message.topic, most_value);
  if (const json::value* trigger = alarm.if_contains("Trigger"); trigger != nullptr && trigger->is_object()) {
    report.labels["namespace"] = text_of(trigger->get_object(), "Namespace", most_name);
    report.labels["metric"] = text_of(trigger->get_object(), "MetricName", most_name);
  }
  report.id = arn.empty() ? one_line(report.labels["account"] + ":" + report.labels["region"] + ":" + report.name, most_value) : arn;
  const std::string state = text_of(alarm, "NewStateValue", 40);
  if (state == "ALARM") {
    report.says = Verdict::failing;
  } else if (state == "OK") {
    report.says = Verdict::ok;
  } else if (state == "INSUFFICIENT_DATA") {
    report.says = Verdict::unknown;
  } else {
    return failure_of(fmt::format("CloudWatch says ALARM, OK or INSUFFICIENT_DATA, not `{}`", state));
  }
  report.text = text_of(alarm, "NewStateReason", most_text);
  report.at = instant_of(text_of(alarm, "StateChangeTime", 60));
  return report;
}

}  // namespace yagura
