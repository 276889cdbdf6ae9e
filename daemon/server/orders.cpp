#include <fmt/format.h>

#include <boost/json.hpp>

#include "api.hpp"
#include "text.hpp"

namespace yagura {

namespace {

namespace json = boost::json;

// What is missing or of a wrong type leaves its default; the first trouble is kept.
class Fields {
 public:
  explicit Fields(const json::object& object) : object_(object) {}

  std::string text(const char* key) {
    const json::value* value = object_.if_contains(key);
    if (value == nullptr || value->is_null()) return {};
    if (!value->is_string()) return trouble(key, "a text"), std::string();
    return many_lines({value->get_string().data(), value->get_string().size()});
  }
  bool boolean(const char* key) {
    const json::value* value = object_.if_contains(key);
    if (value == nullptr || value->is_null()) return false;
    if (!value->is_bool()) return trouble(key, "true or false"), false;
    return value->get_bool();
  }
  std::int64_t number(const char* key) {
    const json::value* value = object_.if_contains(key);
    if (value == nullptr || !value->is_int64() || value->get_int64() <= 0) {
      return trouble(key, "a number from 1"), 0;
    }
    return value->get_int64();
  }
  std::int64_t number_or_none(const char* key) {
    const json::value* value = object_.if_contains(key);
    return value == nullptr || value->is_null() ? 0 : number(key);
  }
  std::vector<std::string> texts(const char* key) {
    std::vector<std::string> list;
    const json::value* value = object_.if_contains(key);
    if (value == nullptr || value->is_null()) return list;
    if (!value->is_array() || value->get_array().size() > 1000) return trouble(key, "a list"), list;
    for (const json::value& one : value->get_array()) {
      if (!one.is_string()) return trouble(key, "a list of texts"), list;
      list.push_back(one_line({one.get_string().data(), one.get_string().size()}));
    }
    return list;
  }
  std::optional<Instant> instant(const char* key) {
    const std::string given = text(key);
    if (given.empty()) return std::nullopt;
    auto read = parse_instant(given);
    if (!read) return trouble(key, "a time such as 2026-12-28T22:00:00+09:00"), std::nullopt;
    return *read;
  }
  const std::string& trouble() const { return trouble_; }

 private:
  void trouble(const char* key, const char* wanted) {
    if (trouble_.empty()) trouble_ = fmt::format("\"{}\" has to be {}", key, wanted);
  }
  const json::object& object_;
  std::string trouble_;
};

}  // namespace

Result<Order> read_order(std::string_view body) {
  boost::system::error_code error;
  json::value value = json::parse(json::string_view(body.data(), body.size()), error);
  if (error || !value.is_object()) return failure_of("an order is a JSON object");
  Fields fields(value.get_object());
  std::string name = fields.text("order");
  std::optional<Order> order;
  if (name == "ack") {
    order = Acknowledge{fields.number("failure"), fields.text("text")};
  } else if (name == "respond") {
    order = Respond{fields.number("failure"), fields.boolean("success"), fields.text("text")};
  } else if (name == "report") {
    order = Report{fields.number("failure"), fields.text("text"), fields.boolean("to_banks")};
  } else if (name == "recover") {
    order = Recover{fields.number("failure"), fields.text("text")};
  } else if (name == "confirm") {
    order = Confirm{fields.number("failure"), fields.text("text"), fields.boolean("job_ok")};
  } else if (name == "classify") {
    std::string classification = fields.text("class");
    if (classification != "incident" && classification != "major") {
      return failure_of("\"class\" has to be incident or major");
    }
    order = Classify{fields.number("failure"),
                     classification == "major" ? FailureClass::major : FailureClass::incident,
                     fields.text("text")};
  } else if (name == "banks") {
    order = ChangeBanks{fields.number("failure"), fields.boolean("add"), fields.text("bank"),
                        fields.text("text")};
  } else if (name == "open") {
    std::string classification = fields.text("class");
    if (!classification.empty() && classification != "major") {
      return failure_of("\"class\" of a reported failure can be major only");
    }
    const InquiryId inquiry = fields.number_or_none("inquiry");
    order = Open{fields.texts("components"), fields.texts("services"), classification == "major",
                 fields.boolean("from_desk") || inquiry != 0, fields.text("text"), inquiry};
  } else if (name == "notice-hold") {
    order = HoldNotice{fields.number("notice")};
  } else if (name == "notice-release") {
    order = ReleaseNotice{fields.number("notice")};
  } else if (name == "notice-withdraw") {
    order = WithdrawNotice{fields.number("notice")};
  } else if (name == "notice-edit") {
    order = EditNotice{fields.number("notice"), one_line(fields.text("subject"), 400), fields.text("body"), fields.text("edition")};
  } else if (name == "notice-security") {
    TellSecurity tell;
    for (std::string& bank : fields.texts("banks")) {
      if (bank == "all") tell.all_banks = true; else tell.banks.insert(std::move(bank));
    }
    tell.at_once = fields.boolean("at_once");
    tell.text = fields.text("text");
    order = std::move(tell);
  } else if (name == "duty-swap") {
    SwapDuty swap{fields.text("role"), fields.text("person"), {}, {}, fields.text("text")};
    auto from = fields.instant("from"), until = fields.instant("until");
    if (!from || !until) return failure_of("\"from\" and \"until\" are wanted, as times");
    swap.from = *from;
    swap.until = *until;
    order = std::move(swap);
  } else if (name == "duty-cancel") {
    order = CancelSwap{fields.number("swap")};
  } else if (name == "escalate") {
    order = Escalate{fields.number("failure"), fields.text("text")};
  } else if (name == "stop-plan") {
    PlanStop stop;
    for (std::string& service : fields.texts("services")) stop.services.insert(std::move(service));
    stop.all_services = stop.services == std::set<ServiceName>{"all"};
    if (stop.all_services) stop.services.clear();
    stop.from = fields.instant("from").value_or(Instant{});
    stop.until = fields.instant("until").value_or(Instant{});
    stop.text = fields.text("text");
    stop.emergency = fields.boolean("emergency");
    stop.after_the_fact = fields.boolean("after_the_fact");
    order = std::move(stop);
  } else if (name == "stop-change") {
    ChangeStop stop;
    stop.regular = fields.text("regular");
    if (stop.regular.empty()) stop.stop = fields.number("stop");
    stop.from = fields.instant("from");
    stop.until = fields.instant("until");
    stop.text = fields.text("text");
    stop.emergency = fields.boolean("emergency");
    stop.after_the_fact = fields.boolean("after_the_fact");
    order = std::move(stop);
  } else if (name == "stop-end") {
    EndStop stop{0, fields.text("regular")};
    if (stop.regular.empty()) stop.stop = fields.number("stop");
    order = std::move(stop);
  } else if (name == "stop-cancel") {
    CancelStop stop;
    stop.regular = fields.text("regular");
    if (stop.regular.empty()) stop.stop = fields.number("stop");
    if (std::string on = fields.text("on"); !on.empty()) {
      auto date = parse_date(on);
      if (!date) return failure_of("\"on\" has to be a date such as 2026-12-28");
      stop.on = *date;
    }
    stop.text = fields.text("text");
    order = std::move(stop);
  } else if (name == "inquiry-open") {
    order = OpenInquiry{one_line(fields.text("bank"), 200), one_line(fields.text("from"), 200),
                        one_line(fields.text("subject"), 400), fields.text("text")};
  } else if (name == "inquiry-reply") {
    ReplyInquiry reply{fields.number_or_none("inquiry"), fields.number_or_none("failure"), fields.text("text"),
                       fields.boolean("again")};
    if ((reply.inquiry == 0) == (reply.failure == 0)) {
      return failure_of("an answer is either to an \"inquiry\" or to all about a \"failure\"");
    }
    order = std::move(reply);
  } else if (name == "inquiry-close") {
    order = CloseInquiry{fields.number("inquiry"), fields.text("text")};
  } else if (name == "inquiry-link") {
    order = LinkInquiry{fields.number("inquiry"), fields.number("failure")};
  } else {
    return failure_of("there is no order \"" + one_line(name, 100) + "\"");
  }
  if (!fields.trouble().empty()) return failure_of(fields.trouble());
  return *order;
}

}  // namespace yagura
