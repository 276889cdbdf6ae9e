#include "record_upkeep.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/json.hpp>

#include "mail_spool.hpp"
#include "text.hpp"
#include "view.hpp"

namespace yagura {

namespace {

namespace json = boost::json;

// Of the rows emptied, what one row record.erased names.
constexpr std::size_t ranges_each = 10'000;

WebResponse refusal(int status, const std::string& text) { return {status, "application/json", error_json(text)}; }
WebResponse fine(const json::value& value) { return {200, "application/json", json::serialize(value) + "\n"}; }

std::string text_of(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? one_line(std::string_view(value->get_string()), 1000) : std::string();
}
std::int64_t number_of(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}
json::object object_of(const std::string& body) {
  json::error_code error;
  json::value value = json::parse(body, error);
  return error || !value.is_object() ? json::object() : std::move(value.get_object());
}

}  // namespace

struct RecordUpkeep::Archiving {
  Answer answer;
  Caller caller;
  ArchiveOrder order;
  std::string refused;  // why it is not done
  ArchiveEnd end;
};

struct RecordUpkeep::Erasing {
  Answer answer;
  Caller caller;
  std::string bank;
  PersonalData data;
  ErasableRows found;
  std::string failed;
};

RecordUpkeep::RecordUpkeep(io::Runtime& runtime, Engine& engine, Store& store)
    : runtime_(runtime), engine_(engine), store_(store), file_(engine.configuration().state_folder + "/yagura.db") {}

RecordUpkeep::~RecordUpkeep() { *alive_ = false; }

void RecordUpkeep::aside(std::function<void()> work, std::function<void()> then, const Answer& answer) {
  auto started = runtime_.run_aside(std::move(work), [then = std::move(then), alive = std::weak_ptr(alive_)] {
    if (auto still = alive.lock(); still && *still) then();
  });
  if (!started) end(answer, refusal(503, started.error().message));
}

void RecordUpkeep::commit(Transaction transaction, std::function<void()> then) {
  store_.append(std::move(transaction), [&loop = runtime_.loop(), then = std::move(then), alive = std::weak_ptr(alive_)] {
    boost::asio::post(loop, [then, alive] {
      if (auto still = alive.lock(); still && *still) then();
    });
  });
}

void RecordUpkeep::end(const Answer& answer, WebResponse response) {
  busy_ = false;
  answer(std::move(response));
}

// ---- Archiving ----

void RecordUpkeep::plan(const std::string& until, Answer answer) {
  const Zone zone = engine_.platform().zone;
  const Duration keep = engine_.configuration().keep_record;
  Instant limit = engine_.now() - keep;
  if (!until.empty()) {
    Result<Instant> wanted = end_of_month(zone, until);
    if (!wanted) return answer(refusal(400, wanted.error().message));
    if (*wanted > limit) {
      return answer(refusal(409, fmt::format("{} has to stay: the record is kept for {} (`retention.record`), and a month goes only "
                                             "as a whole", until, format_duration(keep))));
    }
    limit = *wanted;
  }
  auto response = std::make_shared<WebResponse>();
  aside(
      [response, file = file_, zone, limit] {
        auto months = RecordReader::open(file).and_then(
            [&](RecordReader&& reader) { return months_to_archive(reader, zone, limit); });
        if (!months) {
          *response = refusal(500, "the record cannot be read: " + months.error().message);
          return;
        }
        json::array list;
        for (const ArchiveSpan& span : *months) {
          list.push_back(json::object{{"month", span.month},
                                      {"first", span.first},
                                      {"last", span.last},
                                      {"before", span.before},
                                      {"chain", span.chain}});
        }
        *response = fine(json::object{{"months", std::move(list)}});
      },
      [response, answer] { answer(std::move(*response)); }, answer);
}

void RecordUpkeep::archive(const std::string& body, const Caller& caller, Answer answer) {
  if (busy_) return answer(refusal(409, "rows are being taken out of the record already: wait for the end of that"));
  busy_ = true;
  const json::object wanted = object_of(body);
  auto job = std::make_shared<Archiving>();
  job->answer = std::move(answer);
  job->caller = caller;
  job->order.span = {text_of(wanted, "month"), number_of(wanted, "first"), number_of(wanted, "last"), {}, {}};
  job->order.file = text_of(wanted, "file");
  job->order.sha256 = text_of(wanted, "sha256");
  job->order.who = caller.who;
  job->order.from = caller.from;
  const Zone zone = engine_.platform().zone;
  const Instant limit = engine_.now() - engine_.configuration().keep_record;
  // Nobody's word is taken for what was exported: its bytes are made once more.
  aside(
      [job, file = file_, zone, limit] {
        auto looked = RecordReader::open(file).and_then([&](RecordReader&& reader) -> Result<void> {
          auto months = months_to_archive(reader, zone, limit);
          if (!months) return tl::unexpected(months.error());
          ArchiveSpan& span = job->order.span;
          if (months->empty() || months->front().month != span.month || months->front().first != span.first ||
              months->front().last != span.last) {
            return failure_of("these rows are not the oldest month that may be archived: ask for the months again");
          }
          span = months->front();
          auto digest = archive_digest(reader, zone, span);
          if (!digest) return tl::unexpected(digest.error());
          if (*digest != job->order.sha256) {
            return failure_of("the archive does not have the bytes of these rows (by its SHA-256): nothing was removed");
          }
          return {};
        });
        if (!looked) job->refused = looked.error().message;
      },
      [this, job] {
        if (!job->refused.empty()) return end(job->answer, refusal(409, job->refused));
        remove(job);
      },
      job->answer);
}

void RecordUpkeep::remove(const std::shared_ptr<Archiving>& job) {
  job->order.at = engine_.now();
  for (const auto& [id, failure] : engine_.state().failures) {
    if (failure.is_open() || !failure.settled) job->order.failures.push_back(id);
  }
  for (const auto& [id, notice] : engine_.state().notices) {
    if (notice.is_unsent()) job->order.notices.push_back(id);
  }
  Transaction transaction;
  transaction.archive = job->order;
  commit(std::move(transaction), [this, job] {
    aside(
        [job, file = file_] {
          auto end = RecordReader::open(file).and_then(
              [](RecordReader&& reader) { return end_of_archive(reader.connection()); });
          if (end) job->end = *end;
        },
        [this, job] {
          if (job->end.last != job->order.span.last) {
            return end(job->answer, refusal(409, "nothing was removed: somebody else has archived meanwhile"));
          }
          end(job->answer, fine(json::object{{"month", job->order.span.month},
                                             {"first", job->order.span.first},
                                             {"last", job->order.span.last},
                                             {"kept", job->end.kept},
                                             {"chain", job->end.chain}}));
        },
        job->answer);
  });
}

// ---- Erasing ----

std::string RecordUpkeep::why_not_erased(const std::string& bank) const {
  if (bank.empty()) return "say which bank";
  if (engine_.platform().banks.contains(bank)) {
    return fmt::format("{} is a bank of the configuration: take it out, reload, and order this again", bank);
  }
  for (const auto& [id, inquiry] : engine_.state().inquiries) {
    if (inquiry.bank == bank && inquiry.is_open()) {
      return fmt::format("inquiry {} of {} is open: `yagura inquiry close {} -m TEXT`, and order this again", id, bank, id);
    }
  }
  for (const auto& [id, notice] : engine_.state().notices) {
    const auto inquiry = engine_.state().inquiries.find(notice.inquiry);
    if (notice.is_unsent() && inquiry != engine_.state().inquiries.end() && inquiry->second.bank == bank) {
      return fmt::format("notice {} of inquiry {} of {} is not sent yet: wait for it, or `yagura notice withdraw {}`",
                         id, inquiry->first, bank, id);
    }
    if (notice.is_unsent() && notice.bank() == bank) {
      return fmt::format("notice {} to {} is not sent yet: wait for it, or `yagura notice withdraw {}`", id, bank, id);
    }
  }
  return {};
}

void RecordUpkeep::erase(const std::string& body, const Caller& caller, Answer answer) {
  const std::string bank = text_of(object_of(body), "bank");
  if (std::string why = why_not_erased(bank); !why.empty()) return answer(refusal(409, why));
  if (busy_) return answer(refusal(409, "rows are being taken out of the record already: wait for the end of that"));
  busy_ = true;
  auto job = std::make_shared<Erasing>();
  job->answer = std::move(answer);
  job->caller = caller;
  job->bank = bank;
  aside(
      [job, file = file_] {
        auto data = RecordReader::open(file).and_then(
            [&](RecordReader&& reader) { return personal_data_of(reader, job->bank); });
        if (data) job->data = std::move(*data);
        if (!data) job->failed = data.error().message;
      },
      [this, job] {
        if (!job->failed.empty()) return end(job->answer, refusal(500, "the record cannot be read: " + job->failed));
        if (job->data.notices.empty() && job->data.inquiries.empty()) {
          return end(job->answer, refusal(404, fmt::format("the record holds no notice to a bank {}, and no inquiry of it",
                                                           job->bank)));
        }
        find_rows(job);
      },
      job->answer);
}

void RecordUpkeep::find_rows(const std::shared_ptr<Erasing>& job) {
  // Things have gone on while the record was read.
  if (std::string why = why_not_erased(job->bank); !why.empty()) return end(job->answer, refusal(409, why));
  // Who is somebody else's contact as well, or works here, is still to be named.
  const auto keep = [&](const std::string& name, const std::string& mail) {
    job->data.texts.erase(name);
    job->data.texts.erase(mail);
  };
  for (const auto& [id, bank] : engine_.platform().banks) {
    for (const Contact& contact : bank.contacts) keep(contact.name, contact.mail);
  }
  for (const auto& [id, person] : engine_.platform().people) keep(person.name, person.mail);
  // First what the daemon knows, so that nothing of it is written again; then, when that is durable, what was written.
  std::vector<KeptFile> files = engine_.erase(job->bank, job->data.texts);
  commit({}, [this, job, files = std::move(files)] {
    aside(
        [job, file = file_, files, folder = engine_.configuration().state_folder] {
          for (const KeptFile& one : files) remove_file(folder, one.name);
          auto found = RecordReader::open(file).and_then(
              [&](RecordReader&& reader) { return erasable_rows(reader, job->data); });
          if (found) job->found = std::move(*found);
          if (!found) job->failed = found.error().message;
        },
        [this, job] {
          if (!job->failed.empty()) return end(job->answer, refusal(500, "the record cannot be read: " + job->failed));
          empty_rows(job);
        },
        job->answer);
  });
}

void RecordUpkeep::empty_rows(const std::shared_ptr<Erasing>& job) {
  const Instant now = engine_.now();
  std::vector<std::string> ranges = ranges_of(job->found.rows, ranges_each);
  if (ranges.empty()) ranges.emplace_back();
  Transaction transaction;
  for (const std::string& one : ranges) {
    RecordEntry entry;
    entry.at = now;
    entry.what = "record.erased";
    entry.who = job->caller.who;
    entry.payload = json::serialize(json::object{{"bank", job->bank},
                                                 {"rows", job->found.rows.size()},
                                                 {"mails", job->found.mails.size()},
                                                 {"notices", job->data.notices.size()},
                                                 {"inquiries", job->data.inquiries.size()},
                                                 {"left", job->found.left},
                                                 {"from", job->caller.from},
                                                 {"erased_rows", one}});
    transaction.entries.push_back(std::move(entry));
  }
  transaction.erase_rows = job->found.rows;
  transaction.erase_mails = job->found.mails;
  commit(std::move(transaction), [this, job, now] {
    end(job->answer, fine(json::object{{"bank", job->bank},
                                       {"at", engine_.platform().zone.format(now)},
                                       {"by", job->caller.who},
                                       {"rows", job->found.rows.size()},
                                       {"mails", job->found.mails.size()},
                                       {"notices", job->data.notices.size()},
                                       {"inquiries", job->data.inquiries.size()},
                                       {"left", job->found.left},
                                       {"row", store_.head().id}}));
  });
}

}  // namespace yagura
