// An AWS of a test's own, on a loopback port: GetMetricData, and an instance's metadata service. It
// checks no signature; tests/integration/cloudwatch_test.py does.
#pragma once

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "hostile_server.hpp"
#include "network_fixture.hpp"

namespace yagura::testing {

// A variable of the environment, while this lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() {
    if (before_) {
      ::setenv(name_, before_->c_str(), 1);
    } else {
      ::unsetenv(name_);
    }
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

struct AwsRequest {
  std::string head;  // until the empty line
  boost::json::object body;
  // The metrics that are asked for, by the ids given to them: "m0" -> "CPUUtilization".
  std::vector<std::pair<std::string, std::string>> metrics() const {
    std::vector<std::pair<std::string, std::string>> all;
    for (const auto& query : body.at("MetricDataQueries").as_array()) {
      const auto& stat = query.at("MetricStat").as_object();
      all.emplace_back(query.at("Id").as_string().c_str(), stat.at("Metric").at("MetricName").as_string().c_str());
    }
    return all;
  }
  std::int64_t end() const { return body.at("EndTime").as_int64(); }
  std::int64_t start() const { return body.at("StartTime").as_int64(); }
};

inline std::string http_answer(int status, const std::string& body) {
  return fmt::format("HTTP/1.1 {} Said\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}", status, body.size(), body);
}
inline std::string refusal(int status, const std::string& code, const std::string& message) {
  return http_answer(status, fmt::format(R"({{"__type":"com.amazonaws.cloudwatch#{}","message":"{}"}})", code, message));
}

class FakeAws {
 public:
  using Respond = std::function<std::string(const AwsRequest&)>;  // the whole answer

  // `values`: of a metric the value of the last period; without one it has none.
  explicit FakeAws(std::map<std::string, double> values = {}) : values_(std::move(values)) {}
  FakeAws(const FakeAws&) = delete;
  FakeAws& operator=(const FakeAws&) = delete;

  void set(const std::string& metric, double value) {
    std::lock_guard lock(mutex_);
    values_[metric] = value;
  }
  // Instead of what is true.
  void respond(Respond respond) {
    std::lock_guard lock(mutex_);
    respond_ = std::move(respond);
  }
  std::string url() const { return fmt::format("http://127.0.0.1:{}", server_.port()); }
  std::vector<AwsRequest> calls() {
    std::lock_guard lock(mutex_);
    return calls_;
  }
  // The requests to the metadata service: "PUT /latest/api/token".
  std::vector<std::string> metadata() {
    std::lock_guard lock(mutex_);
    return metadata_;
  }
  std::string role_expires = "2199-01-01T00:00:00Z";

  std::string truth(const AwsRequest& request) {
    std::string results;
    for (const auto& [id, name] : request.metrics()) {
      const auto found = values_.find(name);
      const auto& stat = request.body.at("MetricDataQueries").as_array().front().at("MetricStat");
      const std::string values = found == values_.end() ? "" : fmt::format("{}", found->second);
      const std::string times = found == values_.end() ? "" : fmt::format("{}", request.end() - stat.at("Period").as_int64());
      results += fmt::format(R"({}{{"Id":"{}","Label":"x","Timestamps":[{}],"Values":[{}],"StatusCode":"Complete"}})",
                             results.empty() ? "" : ",", id, times, values);
    }
    return http_answer(200, fmt::format(R"({{"MetricDataResults":[{}],"Messages":[]}})", results));
  }

 private:
  void serve(Peer& peer) {
    AwsRequest request;
    request.head = peer.read_request();
    const std::string line = request.head.substr(0, request.head.find(" HTTP/"));
    const auto length = request.head.find("Content-Length: ");
    std::string body;
    if (length != std::string::npos) {
      const std::size_t size = std::stoul(request.head.substr(length + 16));
      char byte = 0;
      while (body.size() < size && ::recv(peer.socket(), &byte, 1, 0) == 1)
        body += byte;
    }
    std::lock_guard lock(mutex_);
    if (line.starts_with("POST ")) {
      request.body = boost::json::parse(body).as_object();
      calls_.push_back(request);
      peer.send(respond_ ? respond_(request) : truth(request));
      return;
    }
    metadata_.push_back(line);
    const bool has_token = contains(request.head, "X-aws-ec2-metadata-token: the-token\r\n");
    if (line == "PUT /latest/api/token") {
      peer.send(contains(request.head, "X-aws-ec2-metadata-token-ttl-seconds: ") ? http_answer(200, "the-token") : http_answer(400, ""));
    } else if (!has_token) {
      peer.send(http_answer(401, ""));
    } else if (line == "GET /latest/meta-data/iam/security-credentials/") {
      peer.send(http_answer(role_.empty() ? 404 : 200, role_));
    } else {
      peer.send(http_answer(200, fmt::format(R"({{"Code":"Success","AccessKeyId":"ASIAROLE","SecretAccessKey":"role-secret","Token":"role-token","Expiration":"{}"}})", role_expires)));
    }
  }

  std::mutex mutex_;
  std::map<std::string, double> values_;
  Respond respond_;
  std::vector<AwsRequest> calls_;
  std::vector<std::string> metadata_;
  std::string role_ = "watcher";
  HostileServer server_{[this](Peer& peer) { serve(peer); }};  // last: its thread uses the others
};

}  // namespace yagura::testing
