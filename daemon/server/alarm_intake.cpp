#include "alarm_intake.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <boost/json.hpp>

#include "alarm_bodies.hpp"
#include "api_parts.hpp"
#include "base64.hpp"
#include "log.hpp"
#include "secret_file.hpp"
#include "text.hpp"

namespace yagura {

namespace {

namespace json = boost::json;

constexpr std::string_view prefix = "/in/";
constexpr std::size_t most_alertmanager_body = 1024 * 1024;
constexpr std::size_t most_event_body = 64 * 1024;
constexpr std::size_t most_sns_body = 512 * 1024;  // 256 KiB of a message, which is escaped in it
constexpr std::string_view sns_path = "/in/sns/";  // and the token
// A token that was changed counts from then on.
constexpr Duration token_kept_for = 1s;
// The sender is told to come again; by then most of them have given up themselves.
constexpr Duration recorded_within = 8s;
constexpr std::size_t most_credentials = 2'000;

std::string sha256(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) return {};
  return {reinterpret_cast<const char*>(digest.data()), size};
}

// Of digests, so that how long it takes says nothing of the token.
bool is_same(const std::string& a, const std::string& b) {
  return !a.empty() && a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// The token of "Bearer TOKEN" or "Basic base64(anybody:TOKEN)"; empty: there is none.
std::string token_of(const std::string& authorization) {
  const auto space = authorization.find(' ');
  if (space == std::string::npos) return {};
  const std::string scheme = lower(authorization.substr(0, space));
  const std::string rest = authorization.substr(authorization.find_first_not_of(' ', space) == std::string::npos
                                                    ? authorization.size()
                                                    : authorization.find_first_not_of(' ', space));
  if (scheme == "bearer") return rest;
  if (scheme != "basic") return {};
  const auto pair = rest.size() <= most_credentials ? from_base64(rest) : std::nullopt;
  const auto colon = pair ? pair->find(':') : std::string::npos;
  return colon == std::string::npos ? std::string() : pair->substr(colon + 1);
}

}  // namespace

struct AlarmIntake::Waiting {
  Respond answer;
  std::unique_ptr<Alarm> alarm;
};

AlarmIntake::AlarmIntake(Surroundings& surroundings, Store& store, Engine& engine, AccessLog& access, Fetch fetch)
    : surroundings_(surroundings), store_(store), engine_(engine), access_(access), sns_(std::move(fetch)) {}

AlarmIntake::~AlarmIntake() { *alive_ = false; }

std::optional<AlarmSource> AlarmIntake::source_of(const std::string& path) const {
  for (const auto& [source, sender] : engine_.configuration().incoming) {
    const std::string_view name = std::string_view(path).substr(std::min(path.size(), prefix.size()));
    if (name == name_of(source) || (source == AlarmSource::sns && path.starts_with(sns_path))) return source;
  }
  return std::nullopt;
}

const std::string& AlarmIntake::token_digest(const std::string& file) {
  Token& token = tokens_[file];
  const SteadyInstant now = surroundings_.steady();
  if (token.read_at != SteadyInstant{} && now - token.read_at < token_kept_for) return token.digest;
  token.read_at = now;
  token.digest.clear();
  if (auto read = io::read_secret_file(file, "the token file")) {
    token.digest = sha256(read->secret);
  } else if (warnings_.take(1000, now)) {
    log::line(log::Level::error, "incoming.token_unreadable", {{"why", read.error().message}});
  }
  return token.digest;
}

bool AlarmIntake::may(const WebRequest& request, AlarmSource source) {
  std::string token = token_of(request.authorization);
  if (source == AlarmSource::sns && request.path.starts_with(sns_path)) token = request.path.substr(sns_path.size());
  return !token.empty() && is_same(sha256(token), token_digest(engine_.configuration().incoming.at(source).token_file));
}

std::optional<std::size_t> AlarmIntake::most_body(const WebRequest& head) {
  if (!is_for(head.path)) return std::nullopt;
  const auto source = source_of(head.path);
  if (!source || head.method != "POST" || !may(head, *source)) return std::nullopt;
  switch (*source) {
    case AlarmSource::alertmanager:
      return most_alertmanager_body;
    case AlarmSource::event:
      return most_event_body;
    case AlarmSource::sns:
      return most_sns_body;
  }
  return std::nullopt;
}

void AlarmIntake::refuse(const WebRequest& request, const std::string& why, int status, const Respond& answer) {
  // SNS asks without a password first, each time; and a token in a path is nobody's to read.
  const bool is_sns = request.path.starts_with("/in/sns");
  if (is_sns && status == 401 && request.path.size() < sns_path.size() && request.authorization.empty()) {
    access_.count("in/sns unasked", engine_.now());
  } else {
    const std::string path = is_sns && request.path.size() >= sns_path.size() ? std::string(sns_path) + "…" : request.path;
    access_.refused(caller_from(request.address), one_line(request.method + " " + path, 200), status, engine_.now());
  }
  WebResponse response = refusal(status, why);
  if (status == 401) response.challenge = "Basic realm=\"yagura\"";
  answer(std::move(response));
}

void AlarmIntake::handle(const WebRequest& request, Respond answer) {
  const auto source = source_of(request.path);
  if (!source) return refuse(request, "there is nothing here: `incoming` of the configuration says what is taken", 404, answer);
  if (request.method != "POST") return refuse(request, "POST only", 405, answer);
  if (!may(request, *source)) return refuse(request, "the token of this sender is wanted: Authorization: Bearer TOKEN", 401, answer);
  access_.count("in/" + std::string(name_of(*source)), engine_.now());
  if (!rate_.take(static_cast<std::uint64_t>(*source), surroundings_.steady())) {
    return refuse(request, "too many messages of this sender: send it again in a moment", 503, answer);
  }
  if (*source == AlarmSource::sns) return take_sns(request, std::move(answer));
  take(request, *source, std::move(answer));
}

void AlarmIntake::take_sns(const WebRequest& request, Respond answer) {
  WebRequest of{request.method, request.path, {}, {}, {}, request.address, request.authorization};
  sns_.take(request.body, engine_.configuration().incoming.at(AlarmSource::sns).topics, engine_.now(),
            [this, alive = std::weak_ptr(alive_), of = std::move(of), answer = std::move(answer)](SnsIntake::Outcome outcome) {
              if (alive.expired()) return;
              if (outcome.status != 200) return refuse(of, outcome.why, outcome.status, answer);
              if (!outcome.what.empty()) warn_once_a_minute(AlarmSource::sns, outcome.what, outcome.details);
              if (outcome.report) return record({*outcome.report}, answer);
              answer(fine("{\"taken\":0,\"unmatched\":0}\n"));
            });
}

void AlarmIntake::warn_once_a_minute(AlarmSource source, const std::string& what,
                                     const std::map<std::string, std::string>& details) {
  if (!warnings_.take(static_cast<std::uint64_t>(source), surroundings_.steady())) return;
  log::line(log::Level::warning, what, details);
  engine_.note(what, std::string(name_of(source)), details);
}

void AlarmIntake::take(const WebRequest& request, AlarmSource source, Respond answer) {
  auto body = source == AlarmSource::event ? read_events(request.body) : read_alertmanager(request.body);
  if (!body) return refuse(request, body.error().message, 400, answer);
  if (body->truncated > 0) {
    warn_once_a_minute(source, "alarm.truncated",
                       {{"left_out", std::to_string(body->truncated)},
                        {"do", "set max_alerts: 0 in Alertmanager's webhook_configs, and group by more labels"}});
  }
  if (body->unreadable > 0) {
    warn_once_a_minute(source, "alarm.unreadable", {{"alerts", std::to_string(body->unreadable)}, {"why", body->why_unreadable}});
  }
  record(body->reports, std::move(answer));
}

void AlarmIntake::record(const std::vector<AlarmReport>& reports, Respond answer) {
  const std::uint64_t number = ++last_;
  auto waiting = std::make_shared<Waiting>();
  waiting->answer = std::move(answer);
  waiting->alarm = surroundings_.make_alarm();
  waiting_[number] = waiting;
  const auto respond = [this, number](WebResponse response) {
    auto found = waiting_.find(number);
    if (found == waiting_.end()) return;
    const auto ended = std::move(found->second);
    waiting_.erase(found);
    ended->answer(std::move(response));
  };
  const auto not_recorded = [respond] {
    respond(refusal(503, "taken, but not in the record yet: send it again, which changes nothing where it was taken"));
  };
  const auto count = std::make_shared<std::size_t>(0);
  *count = engine_.take_alarms(reports, [alive = std::weak_ptr(alive_), respond, count, taken = reports.size()] {
    if (alive.expired()) return;
    respond(fine(json::serialize(json::object{{"taken", taken}, {"unmatched", *count}}) + "\n"));
  });
  if (store_.trouble()) return not_recorded();
  waiting->alarm->set(surroundings_.steady() + recorded_within, not_recorded);
}

}  // namespace yagura
