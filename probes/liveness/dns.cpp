// dns: does a name server answer a question, and with what is expected?
//
//   question: the name that is asked for; of a PTR an address too                     (required)
//   type:     A, AAAA, CNAME, MX, NS, TXT, SOA, PTR, SRV or CAA                      (default A)
//   server:   an address                         (default: the name servers of /etc/resolv.conf)
//   port:     1 to 65535, of `server`                                               (default 53)
//   expect:   any, or a list of records that must be among the answers; MX as "10 mx.example.jp" or
//             by the name alone, SRV as "0 5 5060 sip.example.jp", CAA as "0 issue ca.example", SOA
//             by its first fields                                                  (default any)
//   only:     whether nothing but what is expected may be there                   (default false)
//   latency:  {warning: ">= 100ms", failing: ">= 1s", clear_at: "< 500ms"}, all of them optional
//
// With `server` whatever keeps it from giving the expected answer is failing: that it is silent,
// refuses, or is in trouble itself. Without, only what the name servers say of the name is: where
// they say nothing of it this machine could not look.
// Values: total_seconds, answers.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "dns_records.hpp"
#include "kinds.hpp"
#include "name_question.hpp"
#include "network.hpp"
#include "resolver.hpp"
#include "resource/threshold.hpp"
#include "runtime.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_expected = 64;
constexpr std::size_t most_shown = 5;  // Of the records, in a reason.

struct DnsSpec {
  std::string name;
  const DnsType* type = nullptr;
  std::string server;  // An address; "": the system's.
  std::uint16_t port = 53;
  std::vector<std::string> expected;
  bool only = false;
  std::optional<Threshold> latency;

  std::string asked() const { return fmt::format("{} of {}", name_of(*type), one_line(name, 100)); }
};

std::string shown(const std::vector<std::string>& records) {
  std::string words;
  for (std::size_t at = 0; at < records.size(); ++at) {
    if (at == most_shown) return words + fmt::format(" and {} more", records.size() - at);
    words += fmt::format("{}{}", at == 0 ? "" : ", ", one_line(records[at], 80));
  }
  return words;
}

using Judge = std::function<Finding(const std::vector<std::string>& records, double seconds)>;

class DnsRun final : public NetworkRun {
 public:
  DnsRun(io::Runtime& runtime, const ProbeRun& run, std::function<void(Finding)> done,
         const DnsSpec& spec, Judge judge)
      : NetworkRun(runtime, run, std::move(done)), spec_(spec), judge_(std::move(judge)) {}

 private:
  void begin(std::vector<Address> addresses) override {
    io::NameQuestion question{spec_.name, number_of(*spec_.type),
                              runtime().resolver().name_servers(), false, run().timeout};
    if (!addresses.empty()) {
      const Address& server = addresses.front();
      place_ = place_of(server, spec_.port);
      question.of_this_server = true;
      question.servers = fmt::format(fmt::runtime(server.is_v6() ? "[{}]:{}" : "{}:{}"),
                                     server.to_string(), spec_.port);
    }
    query_ = std::make_unique<io::NameQuery>(
        runtime().loop(), question,
        [this](io::NameReply reply) { finish(measured(on_reply(reply))); });
  }

  Finding on_reply(const io::NameReply& reply) {
    using Status = io::NameReply::Status;
    switch (reply.status) {
      case Status::answered:
        return on_message(reply);
      case Status::refused:
        return no_answer("does not take the question: nobody listens, or it closes the connection");
      case Status::silent:
        return no_answer("does not answer");
      case Status::flooded:
        return no_answer("sends more than any answer is, and no answer among it");
      case Status::in_doubt:
        return no_answer(place_.empty() ? "refuses, or is in trouble itself"
                                        : "breaks off, or sends what is no answer");
      case Status::failed:
        return {Verdict::unknown,
                one_line(fmt::format("this machine cannot ask for the {}: {}", spec_.asked(),
                                     reply.reason)),
                {}};
    }
    return {};
  }

  Finding on_message(const io::NameReply& reply) {
    constexpr int no_such_name = 3;
    if (reply.code() == no_such_name)
      return failing(fmt::format("no such name: {}, says {}", one_line(spec_.name, 100), who()));
    if (reply.code() != 0) return no_answer(words_of(reply.code()));
    auto records = dns_records(*spec_.type, reply.message);
    if (!records)
      return no_answer(fmt::format("gives a broken answer: {}", records.error().message));
    answers_ = records->size();
    if (records->empty())
      return failing(fmt::format("there is no {}, says {}", spec_.asked(), who()));
    double seconds = seconds_so_far();
    Finding finding = judge_(*records, seconds);
    finding.reason =
        one_line(fmt::format("{}; {} answered in {:.3f} s", finding.reason, who(), seconds));
    return finding;
  }

  static std::string words_of(int code) {
    switch (code) {
      case 1:
        return "cannot read the question (FORMERR)";
      case 2:
        return "could not find out (SERVFAIL)";
      case 4:
        return "does not know such questions (NOTIMP)";
      case 5:
        return "refuses to answer (REFUSED)";
      default:
        return fmt::format("answers with the error {}", code);
    }
  }

  // Of a server that was named this is its failure; the system's own are what we look through.
  Finding no_answer(const std::string& what) {
    if (!place_.empty()) {
      return failing(fmt::format("{} asked for the {}: {}", place_, spec_.asked(), what));
    }
    return {Verdict::unknown,
            one_line(fmt::format("no name server says anything about the {}: each {}; see "
                                 "/etc/resolv.conf",
                                 spec_.asked(), what)),
            {}};
  }

  Finding timed_out() override {
    if (place_.empty())
      return measured(no_answer("gave no answer within " + format_duration(run().timeout)));
    std::string trouble = trouble_on_the_way(boost::asio::ip::make_address(spec_.server));
    if (!trouble.empty()) return {Verdict::unknown, one_line(trouble), {}};
    return measured(no_answer("no answer within " + format_duration(run().timeout)));
  }

  std::string who() const { return place_.empty() ? "the system's name server" : place_; }
  static Finding failing(const std::string& reason) {
    return {Verdict::failing, one_line(reason), {}};
  }
  Finding measured(Finding finding) {
    finding.values["total_seconds"] = seconds_so_far();
    if (answers_) finding.values["answers"] = static_cast<double>(*answers_);
    return finding;
  }

  void stop() override { query_.reset(); }

  DnsSpec spec_;
  Judge judge_;
  std::string place_;  // Of the server, where one is named.
  std::unique_ptr<io::NameQuery> query_;
  std::optional<std::size_t> answers_;
};

class DnsProbe final : public Probe {
 public:
  explicit DnsProbe(DnsSpec spec) : spec_(std::move(spec)) {}

  void start(io::Runtime& runtime, const ProbeRun& run,
             std::function<void(Finding)> done) override {
    hold_slowness_ = slow_.may_hold(run.was_failing);
    run_.start(spec_.server, std::move(done), [&](std::function<void(Finding)> tell) {
      return std::make_shared<DnsRun>(runtime, run, std::move(tell), spec_,
                                      [this](const std::vector<std::string>& records,
                                             double seconds) { return judge(records, seconds); });
    });
  }

 private:
  Finding judge(const std::vector<std::string>& records, double seconds) {
    std::string is = fmt::format("{} is {}", spec_.asked(), shown(records));
    std::vector<std::string> missing, unexpected;
    for (const std::string& wanted : spec_.expected) {
      if (std::none_of(records.begin(), records.end(), [&](const std::string& record) {
            return meets(*spec_.type, record, wanted);
          }))
        missing.push_back(wanted);
    }
    for (const std::string& record : records) {
      if (spec_.only && std::none_of(spec_.expected.begin(), spec_.expected.end(),
                                     [&](const std::string& wanted) {
                                       return meets(*spec_.type, record, wanted);
                                     }))
        unexpected.push_back(record);
    }
    if (!missing.empty())
      return {Verdict::failing, fmt::format("{}, without {}", is, shown(missing)), {}};
    if (!unexpected.empty()) {
      return {Verdict::failing,
              fmt::format("{}, where {} was not expected", is, shown(unexpected)),
              {}};
    }
    if (!spec_.latency) return {Verdict::ok, is, {}};
    auto judgement =
        spec_.latency->judge({{Quantity::duration, seconds * 1000, is}}, hold_slowness_);
    slow_.judged(judgement.verdict);
    return {judgement.verdict, judgement.reason, {}};
  }

  DnsSpec spec_;
  FailingCause slow_;
  bool hold_slowness_ = false;
  RunUnderWay run_;
};

std::optional<Address> literal_of(const std::string& text) {
  boost::system::error_code error;
  Address address = boost::asio::ip::make_address(text, error);
  if (error) return std::nullopt;
  return address;
}

void read_type(Reader& reader, DnsSpec& spec) {
  spec.type = dns_type(reader.text_or("type", "A"));
  if (spec.type != nullptr) return;
  reader.problem(*reader.find("type"),
                 fmt::format("`type` must be one of {}", fmt::join(dns_type_names(), ", ")));
}

// What may stand in a question: letters, digits, - and _, in parts of at most 63.
std::string wrong_with_name(std::string_view name) {
  if (name == ".") return {};
  if (name.ends_with('.')) name.remove_suffix(1);
  std::size_t part = 0;
  for (std::size_t at = 0; at <= name.size(); ++at) {
    if (at == name.size() || name[at] == '.') {
      if (part == 0 || part > 63) return "has a part that is empty or longer than 63 characters";
      part = 0;
      continue;
    }
    char c = name[at];
    bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                std::string_view("-_*/").find(c) != std::string_view::npos;
    if (!fits) return "is no name, such as www.example.jp; one outside ASCII has its xn-- form";
    ++part;
  }
  return name.size() > 253 ? "is longer than any name can be (253 characters)" : "";
}

void read_question(Reader& reader, DnsSpec& spec) {
  const Node* node = reader.required("question");
  auto name = reader.text("question");
  if (!name) return;
  spec.name = *name;
  auto address = literal_of(spec.name);
  if (address && spec.type != nullptr && name_of(*spec.type) == "PTR") {
    spec.name = reverse_name(*address);
  } else if (std::string wrong = wrong_with_name(spec.name); !wrong.empty()) {
    reader.problem(*node, "`question` " + wrong);
  }
}

void read_server(Reader& reader, DnsSpec& spec) {
  spec.server = reader.text_or("server", "");
  const Node* node = reader.find("server");
  if (node != nullptr && !literal_of(spec.server))
    reader.problem(*node,
                   "`server` must be an address, such as 10.0.1.2; a port has a key of its own");
  spec.port = static_cast<std::uint16_t>(reader.integer_or("port", spec.port, 1, 65535));
  if (const Node* port = reader.find("port"); port != nullptr && node == nullptr)
    reader.problem(*port, "`port` goes with `server`: add it, or leave the port out");
}

void read_expected(Reader& reader, DnsSpec& spec) {
  const Node* node = reader.find("expect");
  auto texts = reader.texts("expect");
  spec.only = reader.boolean_or("only", false);
  bool any = node != nullptr && node->is_scalar() && !node->quoted && node->scalar == "any";
  if (node == nullptr || any) {
    if (spec.only) reader.problem(*reader.find("only"), "`only` goes with a list in `expect`");
    return;
  }
  if (node->is_list() && node->items.empty())
    reader.problem(*node, "`expect` is an empty list: leave it out, or write what is expected");
  if (texts.size() > most_expected)
    return reader.problem(*node, fmt::format("`expect` has more than {} records", most_expected));
  if (spec.type == nullptr) return;
  for (const std::string& text : texts) {
    auto expected = dns_expectation(*spec.type, text);
    if (expected && !text.empty()) {
      spec.expected.push_back(*std::move(expected));
    } else {
      reader.problem(*node, fmt::format("`expect`: \"{}\" {}", one_line(text, 60),
                                        text.empty() ? "is empty" : expected.error().message));
    }
  }
}

void read_latency(Reader& reader, DnsSpec& spec) {
  const Node* node = reader.find("latency");
  if (node == nullptr) return;
  Reader latency(*node, reader.problems(), "latency");
  if (!node->is_map()) return;
  spec.latency = Threshold::read(
      latency, {{Quantity::duration, true, "the time of an answer", ">= 1s"}}, "", "");
  latency.finish();
}

}  // namespace

std::unique_ptr<Probe> make_dns(Reader& reader) {
  std::size_t problems = reader.problems().size();
  DnsSpec spec;
  read_type(reader, spec);
  read_question(reader, spec);
  read_server(reader, spec);
  read_expected(reader, spec);
  read_latency(reader, spec);
  if (reader.problems().size() != problems) return nullptr;
  return std::make_unique<DnsProbe>(std::move(spec));
}

}  // namespace yagura
