#include "compose.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "bank_view.hpp"
#include "inquiry_view.hpp"
#include "mail_thread.hpp"
#include "ops_view.hpp"
#include "security_view.hpp"
#include "stop_view.hpp"
#include "text.hpp"
#include "wrap_lines.hpp"

namespace yagura {
namespace {

constexpr std::size_t body_columns = 72;
constexpr std::size_t subject_columns = 120;
constexpr std::size_t most_bytes_of_subject = 400;
constexpr std::size_t most_in_full =
    15;  // of a bundle; the further ones come with their subject only
constexpr std::size_t most_listed = 200;

const Vocabulary& bundle_vocabulary() {
  static const Vocabulary vocabulary{{"AUDIENCE", "NOTICE", "NOW", "SUBJECT", "COUNT", "OTHERS"},
                                     {{"ITEM", {{"ITEM_NUMBER", "ITEM_SUBJECT", "ITEM_BODY"}, {}}},
                                      {"REST", {{"REST_NUMBER", "REST_SUBJECT"}, {}}},
                                      {"REST_LEFT_OUT", {}}}};
  return vocabulary;
}

// Sections that do not apply leave empty lines behind: one is enough, and none at the ends.
std::string tidy(std::string_view text) {
  std::string out;
  int empty_lines = 0;
  while (!text.empty()) {
    std::size_t newline = text.find('\n');
    std::string_view line = text.substr(0, newline);
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
    while (line.ends_with(' '))
      line.remove_suffix(1);
    if (line.empty()) {
      ++empty_lines;
      continue;
    }
    if (empty_lines > 0 && !out.empty()) out += '\n';
    empty_lines = 0;
    out.append(line).append("\n");
  }
  return out;
}

// The gravest first, as the carrier is the gravest.
std::vector<const Notice*> carried_by(const State& state, const Notice& notice) {
  std::vector<const Notice*> all{&notice};
  std::set<NoticeId> seen{notice.id};
  for (NoticeId id : notice.carries) {
    auto found = state.notices.find(id);
    if (found != state.notices.end() && seen.insert(id).second) all.push_back(&found->second);
  }
  std::sort(all.begin() + 1, all.end(), [](const Notice* a, const Notice* b) {
    return std::pair(a->kind, a->id) < std::pair(b->kind, b->id);
  });
  return all;
}

// A header takes ASCII only; other bytes, as a bank's identifier may have them, are written %XX.
std::string ascii(std::string_view text) {
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7F && c != '%')
      out += c;
    else
      out += fmt::format("%{:02X}", byte);
  }
  return out;
}

}  // namespace

View view_of(const Platform& platform, const State& state, const Notice& notice, const Words& words, Instant now) {
  if (notice.kind == NoticeKind::bank_security) return security_view(platform, notice, words, now);
  if (is_stop(notice.kind)) return stop_view(platform, state, notice, words, now);
  if (is_answer(notice.kind)) return answer_view(platform, state, notice, words, now);
  if (is_bank(notice.kind)) return to_view(bank_view(platform, state, notice, now), platform.zone, words);
  return ops_view(platform, state, notice, words, now);
}

const Vocabulary& vocabulary_of(NoticeKind kind) {
  if (kind == NoticeKind::bank_security) return security_vocabulary();
  if (is_answer(kind)) return answer_vocabulary();
  return is_stop(kind) ? stop_vocabulary() : is_bank(kind) ? bank_vocabulary() : ops_vocabulary();
}

const std::vector<NoticeKind>& Composer::kinds() {
  static const std::vector<NoticeKind> kinds{
      NoticeKind::bank_security,
      NoticeKind::bank_first,        NoticeKind::bank_occurred_and_recovered,
      NoticeKind::bank_recovered,    NoticeKind::bank_corrected,
      NoticeKind::bank_progress,     NoticeKind::stop_emergency,
      NoticeKind::stop_cancelled,    NoticeKind::stop_changed,
      NoticeKind::stop_extended,     NoticeKind::stop_planned,
      NoticeKind::stop_reminder,     NoticeKind::stop_completed,
      NoticeKind::major_declared,
      NoticeKind::failure_escalated, NoticeKind::delivery_failed,
      NoticeKind::lead_attention,    NoticeKind::monitoring_blind,
      NoticeKind::failure_detected,  NoticeKind::failure_reminder,
      NoticeKind::failure_recovered, NoticeKind::failure_confirmed,
      NoticeKind::failure_progress,  NoticeKind::failure_acknowledged,
      NoticeKind::inquiry_reminder,  NoticeKind::inquiry_received,
      NoticeKind::inquiry_update,    NoticeKind::inquiry_reply};
  return kinds;
}

Composer::Texts Composer::read(Language language, const TemplateFiles& files,
                               std::vector<std::string>& errors) {
  Texts made;
  if (auto base = files.built_in.find("words.txt"); base != files.built_in.end()) {
    auto own = files.own.find("words.txt");
    auto words =
        Words::parse(base->second, own == files.own.end() ? nullptr : &own->second, language);
    if (words)
      made.words = *words;
    else
      errors.push_back(words.error().message);
  } else {
    errors.push_back(
        fmt::format("templates/mail/{}/words.txt: there is no such file", code_of(language)));
  }

  std::set<std::string> parts_used;
  MailTemplate::Parts parts = [&](std::string_view name) {
    std::string file = fmt::format("_{}.txt", name);
    parts_used.insert(file);
    return files.find(file);
  };
  const auto read_one = [&](const std::string& file,
                            const Vocabulary& vocabulary) -> std::optional<MailTemplate> {
    const TemplateSource* source = files.find(file);
    if (source == nullptr) {
      errors.push_back(
          fmt::format("templates/mail/{}/{}: there is no such template: write it in {}",
                      code_of(language), file, name_of(language)));
      return std::nullopt;
    }
    auto parsed = MailTemplate::parse(*source, parts, vocabulary);
    if (parsed) return *parsed;
    errors.push_back(parsed.error().message);
    return std::nullopt;
  };
  for (NoticeKind kind : kinds()) {
    auto parsed = read_one(name_of(kind) + ".txt", vocabulary_of(kind));
    if (parsed) made.templates.emplace(kind, *parsed);
  }
  if (auto parsed = read_one("bundle.txt", bundle_vocabulary())) made.bundle = *parsed;
  for (const auto& [name, source] : files.own) {
    if (name.starts_with('_') && !parts_used.contains(name)) {
      errors.push_back(source.file + ": no template includes this part");
    }
  }
  return made;
}

Result<Composer> Composer::load(const std::string& own_folder) {
  Writing writing;
  writing.folder = own_folder;
  return load(writing);
}

Result<Composer> Composer::load(const Writing& writing) {
  auto files = read_template_files(writing.folder, writing.language);
  if (!files) return tl::unexpected(files.error());
  std::vector<std::string> errors;
  Composer made;
  made.writing_ = writing;
  for (Language language : all_languages) {
    Texts& texts = made.texts_[language];
    texts = read(language, (*files)[language], errors);
    const auto own = [language](const std::map<Language, std::string>& words) {
      auto found = words.find(language);
      return found == words.end() ? std::string() : many_lines(found->second);
    };
    texts.contact = own(writing.contact);
    texts.signature = own(writing.signature);
  }
  if (errors.empty()) return made;
  // A part that many templates include has its errors once.
  std::set<std::string> seen;
  std::string all;
  for (const std::string& error : errors) {
    for (std::string_view rest = error; !rest.empty();) {
      std::string line(rest.substr(0, rest.find('\n')));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      if (seen.insert(line).second) all += (all.empty() ? "" : "\n") + line;
    }
  }
  return failure_of(all);
}

Language Composer::language_of(const State& state, const Notice& notice) const {
  if (is_bank(notice.kind)) return writing_.of_bank(notice.bank());
  auto inquiry = state.inquiries.find(notice.inquiry);
  const bool of_bank = is_answer(notice.kind) && inquiry != state.inquiries.end() && !inquiry->second.bank.empty();
  return of_bank ? writing_.of_bank(inquiry->second.bank) : writing_.language;
}

Composer::Mail Composer::render(const Platform& platform, const State& state, const Notice& notice,
                                Instant now, bool bundled,
                                std::vector<std::string>& missing) const {
  const Texts& texts = texts_.at(language_of(state, notice));
  const Words& words = texts.words;
  auto found = texts.templates.find(notice.kind);
  if (found == texts.templates.end()) {
    missing.push_back(fmt::format("there is no template for {}", name_of(notice.kind)));
    return {name_of(notice.kind), {}};
  }
  View view = view_of(platform, state, notice, words, now);
  const bool outside = is_bank(notice.kind) || is_answer(notice.kind);
  const auto add_words = [&](const char* section, const char* name, const std::string& own) {
    if (own.empty()) return;
    View inside{words["unknown"]};
    inside.set(name, own);
    view.add(section, std::move(inside));
  };
  if (!outside) view.show_if(bundled, "BUNDLED");
  if (outside) add_words("SIGNATURE", "SIGNATURE_TEXT", texts.signature);
  if (is_bank(notice.kind)) add_words("DESK", "DESK_TEXT", texts.contact);
  Mail mail;
  // The names of services, and the subject of an inquiry, give way, so that the number stays.
  if (outside && notice.kind != NoticeKind::bank_security) {
    const std::string_view long_one = is_bank(notice.kind) ? "SERVICES" : "SUBJECT";
    const std::string services = *view.value(long_one);
    for (std::size_t room = std::min(display_width(services), subject_columns); room > 4; --room) {
      if (display_width(one_line(found->second.subject(view, missing), 4000)) <= subject_columns)
        break;
      view.set(long_one, cut_to_width(services, room - 1));
    }
  }
  std::string subject = one_line(found->second.subject(view, missing), most_bytes_of_subject);
  while (subject.ends_with(' '))
    subject.pop_back();
  mail.subject = cut_to_width(subject, subject_columns);
  mail.body = tidy(found->second.body(view, missing));
  return mail;
}

Composer::Mail Composer::render_all(const Platform& platform, const State& state,
                                    const Notice& notice, Instant now,
                                    std::vector<std::string>& missing) const {
  std::vector<const Notice*> all = carried_by(state, notice);
  if (notice.edited) return {notice.edited->subject, notice.edited->body};
  if (all.size() == 1 || is_bank(notice.kind) || is_answer(notice.kind)) {
    Mail mail = render(platform, state, notice, now, false, missing);
    mail.body = wrap_lines(mail.body, body_columns);
    return mail;
  }
  const Texts& texts = texts_.at(language_of(state, notice));
  const Words& words = texts.words;
  View view{words["unknown"]};
  view.set("AUDIENCE", words.role_named(one_line(notice.audience)));
  view.set("NOTICE", std::to_string(notice.id));
  view.set("NOW", words.phrases().time(now, platform.zone));
  view.set("COUNT", std::to_string(all.size()));
  view.set("OTHERS", std::to_string(all.size() - 1));
  for (std::size_t i = 0; i < all.size() && i < most_listed; ++i) {
    Mail one = render(platform, state, *all[i], now, true, missing);
    if (i == 0) view.set("SUBJECT", one.subject);
    View item{words["unknown"]};
    std::string prefix = i < most_in_full ? "ITEM" : "REST";
    item.set(prefix + "_NUMBER", std::to_string(i + 1));
    item.set(prefix + "_SUBJECT", one.subject);
    if (i < most_in_full) item.set("ITEM_BODY", one.body);
    view.add(prefix, std::move(item));
  }
  view.show_if(all.size() > most_in_full, "REST_LEFT_OUT");
  Mail mail;
  mail.subject = cut_to_width(one_line(texts.bundle.subject(view, missing), most_bytes_of_subject),
                              subject_columns + 20);
  mail.body = wrap_lines(tidy(texts.bundle.body(view, missing)), body_columns);
  return mail;
}

std::string Composer::subject(const Platform& platform, const State& state, const Notice& notice,
                              Instant now) const {
  return text(platform, state, notice, now).subject;
}

Composer::Mail Composer::text(const Platform& platform, const State& state, const Notice& notice,
                              Instant now) const {
  std::vector<std::string> missing;
  return render_all(platform, state, notice, now, missing);
}

Result<Message> Composer::compose(const Platform& platform, const State& state,
                                  const Notice& notice, const Mailbox& from, Instant now) const {
  std::vector<std::string> missing;
  Mail mail = render_all(platform, state, notice, now, missing);
  if (!missing.empty()) {
    return failure_of(
        fmt::format("notice {} cannot be written: {}", notice.id, fmt::join(missing, "; ")));
  }
  if (notice.to.empty()) return failure_of(fmt::format("notice {} has nobody to go to", notice.id));
  Message message;
  message.from = from;
  for (const Recipient& recipient : notice.to) {
    if (recipient.is_command()) continue;
    message.to.push_back({one_line(recipient.name, 200), recipient.mail});
  }
  message.subject = mail.subject;
  message.date = now;
  message.message_id = notice.message_id;
  message.references = references_of(state, notice);
  if (!message.references.empty()) message.in_reply_to = message.references.back();
  message.headers.emplace_back("Auto-Submitted", "auto-generated");
  message.headers.emplace_back("X-Yagura-Notice", name_of(notice.kind));
  if (notice.failure != 0)
    message.headers.emplace_back("X-Yagura-Failure", std::to_string(notice.failure));
  if (notice.stop != 0) message.headers.emplace_back("X-Yagura-Stop", std::to_string(notice.stop));
  if (notice.inquiry != 0)
    message.headers.emplace_back("X-Yagura-Inquiry", std::to_string(notice.inquiry));
  message.headers.emplace_back("X-Yagura-Audience", ascii(notice.audience));
  message.body = mail.body;
  return message;
}

}  // namespace yagura
