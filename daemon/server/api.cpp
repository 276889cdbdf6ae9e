#include "api.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cctype>

#include "api_parts.hpp"
#include "ping_request.hpp"
#include "record_api.hpp"
#include "samples_api.hpp"
#include "text.hpp"
#include "version.hpp"
#include "view.hpp"

namespace yagura {

namespace {

constexpr std::string_view came_back_too_often =
    "not taken: the job has failed and come back too often of late; send it again in 20 seconds";

namespace json = boost::json;
using Respond_ = std::function<void(WebResponse)>;

// 8-4-4-4-12 hexadecimal digits (RFC 4122).
bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0) return false;
  }
  return true;
}

// Rows of a failure's timeline in one answer: the newest ones.
constexpr std::size_t most_timeline = 2000;

class Api {
 public:
  Api(io::Runtime& runtime, Engine& engine, Store& store, Backups& backups, AccessLog& access,
      std::function<void()> look_at_spool)
      : engine_(engine), store_(store), backups_(backups), access_(access), look_at_spool_(std::move(look_at_spool)),
        record_(runtime, engine, store, access), samples_(runtime, engine) {}

  void handle(WebRequest request, Respond_ answer) {
    if (!request.peer) return answer(refusal(403, "the caller is not known"));
    const Peer& peer = *request.peer;
    const Person* person = engine_.platform().person_of_unix_user(peer.user);
    const Caller caller = caller_of(peer, person != nullptr ? person->id : "");
    const Instant now = engine_.now();
    // Every refusal for want of a right is in the record, whichever it is.
    auto told = [this, caller, now, path = one_line(request.path, 200), answer = std::move(answer)](WebResponse response) {
      if (response.status == 403) access_.refused(caller, path, 403, now);
      answer(std::move(response));
    };
    if (request.path == "/v1/ping" && request.method == "POST") {
      access_.count("ping", now);
      return told(ping(request));
    }
    // It says nothing but that there is something to look at.
    if (request.path == "/v1/inquiries/spooled" && request.method == "POST") {
      access_.count("inquiry", now);
      look_at_spool_();
      return told(fine("{\"done\":true}\n"));
    }
    if (person == nullptr && peer.uid != 0) {
      return told(refusal(403, fmt::format("{} is none of the people of the configuration: ask the system "
                                           "lead to add `unix_user: {}`", peer.user, peer.user)));
    }
    if (request.path.starts_with("/v1/backup")) return backup(request, person, caller, std::move(told));
    if (request.path.starts_with("/v1/record")) return record_.handle(request, person, caller, std::move(told));
    if (request.method == "GET" && request.path == "/v1/samples") {
      auto component = request.query.find("component");
      access_.read(caller, "samples", component == request.query.end() ? "" : one_line(component->second, 100), now);
      return samples_.handle(request, std::move(told));
    }
    if (request.method == "GET") return told(read(request, person, caller));
    if (request.method != "POST") return told(refusal(400, "GET or POST only"));
    if (request.path == "/v1/orders") return order(request, person, caller, std::move(told));
    if (request.path == "/v1/probe") return probe(request, caller, std::move(told));
    if (request.path == "/v1/reload") return told(reload(person, caller));
    told(refusal(404, "there is nothing at " + one_line(request.path, 200)));
  }

 private:
  Look look() { return {engine_.platform(), engine_.state(), engine_.now()}; }

  SubjectOf subjects() {
    return [this](const Notice& notice) {
      return engine_.composer().subject(engine_.platform(), engine_.state(), notice, engine_.now());
    };
  }

  // Who looked at what is in the record, too.
  void note_look(const Caller& caller, std::string_view path) {
    path.remove_prefix(std::min<std::size_t>(path.size(), 4));  // "/v1/"
    const std::size_t slash = path.find('/');
    std::string kind = one_line(path.substr(0, slash), 100);
    std::string which = slash == std::string_view::npos ? "" : one_line(path.substr(slash + 1), 100);
    access_.read(caller, kind, which, engine_.now());
  }

  WebResponse read(const WebRequest& request, const Person* person, const Caller& caller) {
    std::string_view path = request.path;
    // Inquiries hold what a bank's people wrote: those who answer them read them.
    if (path.starts_with("/v1/inquiries") && person != nullptr && !person->roles.contains(Role::inquiry_desk) &&
        !person->roles.contains(Role::system_lead)) {
      return refusal(403, "only the inquiry desk, the system lead and root may read inquiries");
    }
    for (std::string_view known :
         {"/v1/status", "/v1/stops", "/v1/failures", "/v1/notices", "/v1/jobs", "/v1/inquiries"}) {
      if (path.starts_with(known)) note_look(caller, path);
    }
    if (path == "/v1/status") {
      DaemonHealth health{version, store_.trouble().value_or(""), store_.queued(),
                          engine_.scheduler().lateness(engine_.now()), engine_.unrecorded_orders(), {}};
      for (const UnmatchedAlarms::Line& line : engine_.unmatched_alarms().latest()) {
        health.unmatched_alarms.push_back({std::string(name_of(line.report.source)), line.report.name,
                                           std::string(name_of(line.report.says)), line.report.text, line.at});
      }
      return fine(status_json(look(), health));
    }
    if (path == "/v1/stops") {
      auto all = request.query.find("all");
      return fine(stops_json(look(), all != request.query.end() && all->second == "1"));
    }
    if (path == "/v1/duty") {
      auto at = request.query.find("at");
      auto milliseconds = at == request.query.end() ? std::nullopt : number_in(at->second);
      constexpr std::int64_t year_2200 = 7'258'118'400'000;
      if (at != request.query.end() && (!milliseconds || *milliseconds > year_2200)) {
        return refusal(400, "\"at\" is an instant, in milliseconds since 1970");
      }
      return fine(duty_json(look(), milliseconds ? Instant{Duration{*milliseconds}} : engine_.now()));
    }
    if (path == "/v1/inquiries") {
      auto which = request.query.find("which");
      const std::string word = which == request.query.end() ? "" : which->second;
      return fine(inquiries_json(look(), word == "all"     ? InquiryFilter::all
                                         : word == "aside" ? InquiryFilter::aside
                                                           : InquiryFilter::open));
    }
    if (path.starts_with("/v1/inquiries/")) return inquiry(path.substr(14));
    if (path == "/v1/failures") {
      auto all = request.query.find("all");
      return fine(failures_json(look(), all != request.query.end() && all->second == "1"));
    }
    if (path.starts_with("/v1/stops/") && path.ends_with("/why")) return why_of_stop(path.substr(10, path.size() - 14));
    if (path.starts_with("/v1/failures/")) return failure(path.substr(13));
    if (path == "/v1/notices") return notices(request);
    if (path.starts_with("/v1/notices/")) return notice(path.substr(12));
    if (path == "/v1/jobs") return jobs();
    return refusal(404, "there is nothing at " + one_line(path, 200));
  }

  WebResponse why_of_stop(std::string_view text) {
    auto id = number_in(text);
    if (!id) return refusal(400, "a planned stop is named by its number");
    if (!engine_.state().stops.contains(*id)) {
      return refusal(404, fmt::format("there is no planned stop {}; `yagura stops --all` lists them", *id));
    }
    return fine(why_json(look(), engine_.why(*id)));
  }

  WebResponse failure(std::string_view rest) {
    const bool asked_why = rest.ends_with("/why");
    if (asked_why) rest.remove_suffix(4);
    auto id = number_in(rest);
    if (!id) return refusal(400, "a failure is named by its number");
    auto found = engine_.state().failures.find(*id);
    if (found == engine_.state().failures.end()) {
      return refusal(404, fmt::format("there is no failure {}; `yagura failures --all` lists them", *id));
    }
    if (asked_why) return fine(why_json(look(), why(engine_.platform(), engine_.state(), found->second)));
    Store::Query query;
    query.failure = *id;
    query.without_states = true;
    query.newest = true;
    query.limit = most_timeline + 1;  // One more shows that there are more.
    auto rows = store_.read(query);
    if (!rows) return refusal(500, "the record cannot be read: " + rows.error().message);
    const bool cut = rows->size() > most_timeline;
    std::vector<RecordLine> lines;
    for (auto row = rows->begin() + (cut ? 1 : 0); row != rows->end(); ++row) lines.push_back(line_of(*row, false));
    return fine(failure_json(look(), found->second, lines, cut));
  }

  WebResponse inquiry(std::string_view rest) {
    auto id = number_in(rest);
    if (!id) return refusal(400, "an inquiry is named by its number");
    auto found = engine_.state().inquiries.find(*id);
    if (found == engine_.state().inquiries.end()) {
      return refusal(404, fmt::format("there is no inquiry {}; `yagura inquiries --all` lists them", *id));
    }
    return fine(inquiry_json(look(), found->second));
  }

  WebResponse notices(const WebRequest& request) {
    auto which = request.query.find("which");
    NoticeFilter filter = NoticeFilter::unsent;
    if (which != request.query.end()) {
      if (which->second == "held") filter = NoticeFilter::held;
      if (which->second == "failed") filter = NoticeFilter::failed;
      if (which->second == "all") filter = NoticeFilter::all;
    }
    return fine(notices_json(look(), filter, subjects()));
  }

  WebResponse notice(std::string_view rest) {
    auto id = number_in(rest);
    if (!id) return refusal(400, "a notice is named by its number");
    auto found = engine_.state().notices.find(*id);
    if (found == engine_.state().notices.end()) return refusal(404, fmt::format("there is no notice {}", *id));
    std::string body =
        engine_.composer().text(engine_.platform(), engine_.state(), found->second, engine_.now()).body;
    return fine(notice_json(look(), found->second, subjects(), body));
  }

  WebResponse jobs() {
    std::vector<JobLine> lines;
    for (const ProbeId& id : engine_.jobs()) {
      const JobMonitor* monitor = engine_.job(id);
      lines.push_back({id, monitor, monitor->next_run(engine_.now(), engine_.job_calendar())});
    }
    return fine(jobs_json(look(), lines));
  }

  void order(const WebRequest& request, const Person* person, const Caller& caller, Respond_ answer) {
    if (person == nullptr) {
      return answer(refusal(403, "root may read and reload; to act, be one of the people of the configuration "
                                 "(their `unix_user`), so that the record says who it was"));
    }
    Result<Order> order = read_order(request.body);
    if (!order) return answer(refusal(400, order.error().message));
    note_order(caller, request.body);
    if (auto* edit = std::get_if<EditNotice>(&*order)) keep_what_stood_there(*edit);
    engine_.command(person->id, std::move(*order), [answer = std::move(answer)](const Answer& given, bool recorded) {
      answer({given.done ? 200 : recorded ? 409 : 503, "application/json", answer_json(given.done, given.text, given.failure, given.stop, given.inquiry)});
    });
  }

  // From where it came; what became of it is said by the rows after this one.
  void note_order(const Caller& caller, const std::string& body) {
    const std::optional<json::object> object = object_of(body);
    AccessLog::Details details{{"order", one_line(text_of(*object, "order"), 100)}};
    for (const char* key : {"failure", "notice", "stop", "inquiry"}) {
      const json::value* number = object->if_contains(key);
      if (number != nullptr && number->is_int64()) details[key] = std::to_string(number->get_int64());
    }
    access_.row(caller, "access.order", std::move(details));
  }

  // Both texts are to be in the record.
  void keep_what_stood_there(EditNotice& edit) {
    auto found = engine_.state().notices.find(edit.notice);
    if (found == engine_.state().notices.end()) return;
    auto mail = engine_.composer().text(engine_.platform(), engine_.state(), found->second, engine_.now());
    edit.subject_before = std::move(mail.subject);
    edit.body_before = std::move(mail.body);
  }

  void backup(const WebRequest& request, const Person* person, const Caller& caller, Respond_ answer) {
    if (request.peer->uid != 0 && (person == nullptr || !person->roles.contains(Role::system_lead))) {
      return answer(refusal(403, "only the system lead and root may take a backup: all of the record is in it"));
    }
    if (request.method == "POST" && request.path == "/v1/backup") {
      return backups_.make([this, caller, answer = std::move(answer)](Result<Backups::Copy> copy) {
        if (!copy) return answer(refusal(409, copy.error().message));
        access_.row(caller, "record.backup",
                    {{"rows", std::to_string(copy->head.id)}, {"bytes", std::to_string(copy->bytes)}});
        answer(fine(json::serialize(json::object{{"id", copy->id}, {"bytes", copy->bytes}, {"rows", copy->head.id},
                                                 {"chain", copy->head.chain}}) + "\n"));
      });
    }
    constexpr std::string_view prefix = "/v1/backup/";
    if (request.method != "GET" || !request.path.starts_with(prefix)) {
      return answer(refusal(404, "there is nothing at " + one_line(request.path, 200)));
    }
    std::int64_t from = 0;
    if (auto given = request.query.find("from"); given != request.query.end() && given->second != "0") {
      auto number = number_in(given->second);
      if (!number) return answer(refusal(400, "\"from\" is a number of bytes"));
      from = *number;
    }
    backups_.piece(request.path.substr(prefix.size()), from, [answer = std::move(answer)](Result<std::string> bytes) {
      if (!bytes) return answer(refusal(404, bytes.error().message));
      answer({200, "application/octet-stream", std::move(*bytes)});
    });
  }

  static std::optional<json::object> object_of(const std::string& body) {
    boost::system::error_code error;
    json::value value = json::parse(body, error);
    if (error || !value.is_object()) return std::nullopt;
    return value.get_object();
  }
  static std::string text_of(const json::object& object, const char* key) {
    const json::value* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
  }

  void probe(const WebRequest& request, const Caller& caller, Respond_ answer) {
    auto object = object_of(request.body);
    if (!object) return answer(refusal(400, "a JSON object is wanted"));
    std::string component = text_of(*object, "component"), name = text_of(*object, "probe");
    access_.read(caller, "probe", one_line(component, 100), engine_.now());
    auto found = engine_.platform().components.find(component);
    if (found == engine_.platform().components.end()) {
      return answer(refusal(404, "there is no component " + one_line(component, 200)));
    }
    std::vector<ProbeId> wanted;
    for (const ProbeSpec& spec : found->second.probes) {
      if ((name.empty() || spec.name == name) && !spec.is_job()) wanted.push_back({component, spec.name});
    }
    if (wanted.empty()) {
      return answer(refusal(404, fmt::format("{} has no probe {} that can be run (a job probe waits for its job's "
                                             "pings: see `yagura jobs`)", component, one_line(name, 200))));
    }
    // In the order of the configuration, whichever ends first.
    struct Asked {
      std::vector<std::string> texts;
      std::size_t left;
      Respond_ respond;
    };
    auto asked = std::make_shared<Asked>(Asked{std::vector<std::string>(wanted.size()), wanted.size(), std::move(answer)});
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      engine_.run_probe(wanted[i], [this, id = wanted[i], i, asked](const Observation& observation) {
        std::string& text = asked->texts[i];
        text = observation_json(look(), id, observation);
        text.pop_back();
        if (--asked->left > 0) return;
        std::string body = "[";
        for (const std::string& one : asked->texts) body += (body.size() > 1 ? "," : "") + one;
        asked->respond(fine(body + "]\n"));
      });
    }
  }

  WebResponse reload(const Person* person, const Caller& caller) {
    if (person != nullptr && caller.bucket != 0 && (!person->roles.contains(Role::system_lead))) {
      return refusal(403, "only the system lead and root may reload");
    }
    access_.row(caller, "access.order", {{"order", "reload"}});
    Problems problems;
    bool done = engine_.reload(caller.who, problems);
    std::vector<std::string> texts;
    for (const Problem& problem : problems) texts.push_back(problem.text());
    WebResponse response = fine(strings_json("problems", texts));
    if (!done) response.status = 409;
    return response;
  }

  WebResponse ping(const WebRequest& request) {
    auto read = read_ping(request.body);
    if (!read) return refusal(400, read.error().message);
    if (auto fine = check_time(read->ping, engine_.now()); !fine) return refusal(400, fine.error().message);
    auto job = job_named(engine_.jobs(), read->job.component, read->job.probe);
    if (!job) return refusal(404, "there is no job " + read->job.component + "; `yagura jobs` lists them");
    if (!engine_.job_ping(*job, read->ping)) {
      return refusal(429, std::string(came_back_too_often));
    }
    return fine("{\"done\":true}\n");
  }

  Engine& engine_;
  Store& store_;
  Backups& backups_;
  AccessLog& access_;
  std::function<void()> look_at_spool_;
  RecordApi record_;
  SamplesApi samples_;
};

// GET|HEAD|POST /ping/<component>[/<probe>][/start|/fail|/log|/<0-255>][?rid=…], as the Healthchecks service takes it.
WebResponse web_ping(Engine& engine, const WebRequest& request) {
  if (request.method != "GET" && request.method != "HEAD" && request.method != "POST") {
    return {405, "text/plain", "GET, HEAD or POST\n"};
  }
  auto read = read_ping_path(request.path, engine.jobs());
  if (!read) return {404, "text/plain", "not found\n"};
  if (auto run = request.query.find("rid"); run != request.query.end()) {
    if (!is_uuid(run->second)) return {400, "text/plain", "rid is not a UUID\n"};
    read->ping.run_id = run->second;
  }
  read->ping.body = kept_of_body(request.body);
  if (!engine.job_ping(read->job, read->ping)) {
    return {429, "text/plain", std::string(came_back_too_often) + "\n"};
  }
  return {200, "text/plain", "OK\n"};
}

}  // namespace

WebHandler control_handler(io::Runtime& runtime, Engine& engine, Store& store, Backups& backups, AccessLog& access,
                           std::function<void()> look_at_spool) {
  return [api = std::make_shared<Api>(runtime, engine, store, backups, access, std::move(look_at_spool))](WebRequest request, Respond_ answer) {
    api->handle(std::move(request), std::move(answer));
  };
}

namespace {

WebResponse web_answer(Engine& engine, Store& store, AccessLog& access, const WebRequest& request) {
  if (request.path.starts_with("/ping/")) {
    access.count("ping", engine.now());
    return web_ping(engine, request);
  }
  if (request.method != "GET" && request.method != "HEAD") return {405, "text/plain", "GET only\n"};
  if (request.path == "/healthz") {
    access.count("healthz", engine.now());
    auto trouble = store.trouble();
    Duration late = engine.scheduler().lateness(engine.now());
    if (trouble) return {503, "text/plain", "the record cannot be written: " + *trouble + "\n"};
    if (late > tolerated_lateness) return {503, "text/plain", "probes run late: " + format_duration(late) + "\n"};
    return {200, "text/plain", "ok\n"};
  }
  if (request.path == "/metrics") {
    access.count("metrics", engine.now());
    return {200, "text/plain; version=0.0.4; charset=utf-8",
            prometheus_text(engine.metrics(), engine.state(), store.queued(), store.trouble().has_value())};
  }
  return {404, "text/plain", "not found\n"};
}

}  // namespace

WebHandler web_handler(Engine& engine, Store& store, AccessLog& access, AlarmIntake& alarms) {
  return [&engine, &store, &access, &alarms](WebRequest request, Respond_ answer) {
    if (AlarmIntake::is_for(request.path)) return alarms.handle(request, std::move(answer));
    WebResponse response = web_answer(engine, store, access, request);
    if (response.status >= 400 && response.status < 500) {
      access.refused(caller_from(request.address), one_line(request.method + " " + request.path, 200), response.status,
                     engine.now());
    }
    answer(std::move(response));
  };
}

}  // namespace yagura
