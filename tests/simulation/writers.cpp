#include "writers.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "descriptor.hpp"
#include "mail_spool.hpp"

namespace yagura::sim {

namespace {

namespace fs = std::filesystem;

constexpr Duration not_synced_for = 30s;
constexpr int a_flood = 24;  // mails of one sender

std::string read_whole(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

Writers::Writers(std::uint64_t seed, VirtualWorld& world, Referee& referee, std::string folder)
    : world_(world), referee_(referee), folder_(std::move(folder)), cut_(seed, "spool") {
  fs::remove_all(folder_ + "/inquiries");
}

std::string Writers::somebody(Random& random) const {
  if (random.one_in(3)) return random.pick(shape_.people).id + "@example.jp";
  return random.pick(random.pick(shape_.banks).mails);
}

std::string Writers::of_the_same(Random& random, const Inquiry& inquiry) const {
  for (const Shape::Bank& bank : shape_.banks) {
    if (bank.id == inquiry.bank) return random.pick(bank.mails);
  }
  return inquiry.address.empty() ? somebody(random) : inquiry.address;
}

Writers::Mail Writers::question(Random& random, std::string from) {
  Mail mail;
  mail.from = mail.sender = std::move(from);
  mail.subject = "question " + std::to_string(++words_);
  if (random.one_in(6)) mail.file = "a file";
  return mail;
}

// Of an inquiry, by what it refers to or by the number in its subject.
Writers::Mail Writers::further(Random& random, const State& state) {
  std::vector<const Inquiry*> all;
  for (const auto& [id, inquiry] : state.inquiries)
    all.push_back(&inquiry);
  if (all.empty()) return question(random, somebody(random));
  const Inquiry& inquiry = *random.pick(all);
  // A number, and an identifier, can be guessed by others.
  Mail mail = question(random, random.one_in(5) ? somebody(random) : of_the_same(random, inquiry));
  if (random.one_in(3)) {
    const bool japanese = random.one_in(2);
    mail.subject =
        fmt::format("Re: [{} {}] question", japanese ? "問合せ番号" : "Inquiry No.", inquiry.id);
    return mail;
  }
  for (const InquiryMessage& message : inquiry.messages) {
    auto notice = state.notices.find(message.notice);
    if (!message.message_id.empty()) mail.references.push_back(message.message_id);
    if (notice != state.notices.end()) mail.references.push_back(notice->second.message_id);
  }
  if (random.one_in(4)) {
    mail.automatic = true;
    mail.headers = "Auto-Submitted: auto-replied\r\n";
  }
  return mail;
}

Writers::Mail Writers::bounce_of(const Notice& notice) {
  Mail mail;
  mail.from = "MAILER-DAEMON@relay.example";
  mail.subject = "Undelivered Mail";
  mail.automatic = mail.bounce = true;
  mail.references = {notice.message_id};
  return mail;
}

Writers::Mail Writers::make(Random& random, const State* state) {
  std::vector<const Notice*> sent, answers;
  for (const auto& [id, notice] :
       state == nullptr ? std::map<NoticeId, Notice>{} : state->notices) {
    if (notice.state != NoticeState::sent) continue;
    const Notice* one = &state->notices.at(id);
    sent.push_back(one);
    if (is_answer(one->kind)) answers.push_back(one);
  }
  switch (random.below(14)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return question(random, somebody(random));
    case 4:
    case 5:
    case 6:
    case 7:
      return state == nullptr ? question(random, somebody(random)) : further(random, *state);
    case 8:
      return question(random, fmt::format("stranger{}@elsewhere.example", random.below(3)));
    case 9: {
      Mail mail = question(random, somebody(random));
      mail.automatic = true;
      mail.headers = random.one_in(2) ? "List-Id: <list.example>\r\n" : "Precedence: bulk\r\n";
      return mail;
    }
    case 10:
      if (!answers.empty()) return bounce_of(*random.pick(answers));
      break;
    case 11:
      if (sent.empty()) break;
      if (random.one_in(2)) return bounce_of(*random.pick(sent));
      {  // One of ours comes back to us.
        const Notice& notice = *random.pick(sent);
        Mail mail = question(random, random.one_in(2) ? "kanshi@example.jp" : somebody(random));
        mail.message_id = notice.message_id;
        mail.headers = random.one_in(2) ? "Auto-Submitted: auto-generated\r\n" : "";
        mail.automatic = true;
        return mail;
      }
    case 12:
      if (!written_.empty()) return random.pick(written_);
      break;
    case 13: {
      Mail mail;
      mail.sender = "somebody@elsewhere.example";
      mail.whole = "no mail at all";
      return mail;
    }
  }
  return question(random, somebody(random));
}

std::string Writers::bytes_of(const Mail& mail) const {
  if (!mail.whole.empty()) return mail.whole;
  std::string bytes = fmt::format("From: {}\r\nTo: desk@example.jp\r\nSubject: {}\r\n{}", mail.from,
                                  mail.subject, mail.headers);
  if (!mail.message_id.empty()) bytes += "Message-ID: " + mail.message_id + "\r\n";
  if (mail.bounce) {
    return bytes +
           fmt::format(
               "Content-Type: multipart/report; report-type=delivery-status; boundary=B\r\n\r\n"
               "--B\r\n\r\n{}\r\n--B\r\nContent-Type: message/delivery-status\r\n\r\n"
               "Reporting-MTA: dns; relay\r\n\r\nFinal-Recipient: rfc822; x@y\r\nAction: "
               "failed\r\n\r\n"
               "--B\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: x\r\nMessage-ID: "
               "{}\r\n\r\n--B--\r\n",
               mail.text, mail.references.front());
  }
  for (const std::string& one : mail.references)
    bytes += (&one == &mail.references.front() ? "References: " : "\t") + one + "\r\n";
  if (mail.file.empty()) return bytes + "\r\n" + mail.text + "\r\n";
  return bytes + fmt::format(
                     "Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n\r\n{}\r\n--B\r\n"
                     "Content-Disposition: attachment; filename=note.txt\r\n\r\n{}\r\n--B--\r\n",
                     mail.text, mail.file);
}

void Writers::spool(const Mail& mail) {
  const std::string source = folder_ + "/mail";
  std::ofstream(source, std::ios::trunc | std::ios::binary) << bytes_of(mail);
  io::Descriptor file(::open(source.c_str(), O_RDONLY | O_CLOEXEC));
  const SpoolOutcome outcome = spool_mail(folder_, file.get(), mail.sender);
  if (outcome.how != Spooled::kept) {
    world_.trace.violate("a mail to the desk can be spooled", outcome.words);
    return;
  }
  ++mails_;
  const std::string name = fmt::format("{:017}-1-{:016x}", mails_, mails_);
  const std::string path = fmt::format("{}/{}.mail", spool_folder(), name);
  fs::rename(fmt::format("{}/{}.mail", spool_folder(), outcome.name), path);
  spooled_[name] = {read_whole(path), 0, world_.clock(), true, false, mails_};
  // By its Message-ID and sender; what is no mail has none.
  referee_.mail_is_spooled({name, mail.from, mail.text,
                            mail.whole.empty() ? mail.message_id + mail.from : name, mail.automatic,
                            false});
  world_.trace.line(world_.wall(), fmt::format("spooled {} of {}: {} {}", mails_, mail.from,
                                               mail.subject, mail.text));
}

void Writers::write(Random& random, const State* state) {
  Mail mail = make(random, state);
  const bool is_question = mail.message_id.empty() && !mail.bounce && mail.whole.empty();
  const int many = random.one_in(60) && is_question ? a_flood : 1;
  for (int i = 0; i < many; ++i) {
    if (mail.text.empty()) {
      const int number = static_cast<int>(written_.size()) + 1;
      mail.text = fmt::format("mail {}.", number);
      if (mail.message_id.empty()) mail.message_id = fmt::format("<m{}@writers.example>", number);
      written_.push_back(mail);
    }
    spool(mail);
    if (many > 1) mail.text.clear(), mail.message_id.clear();
  }
}

void Writers::look_at_spool() {
  std::map<std::string, int> waiting;
  for (const WaitingMail& mail : waiting_mails(folder_).value_or(std::vector<WaitingMail>{}))
    waiting[mail.name] = mail.tries;
  for (auto& [name, mail] : spooled_) {
    auto waits = waiting.find(name);
    if (waits != waiting.end()) {
      if (mail.tries != waits->second) mail.changed_at = world_.clock();
      mail.tries = waits->second;
      continue;
    }
    if (!mail.waits) continue;
    mail.waits = false;
    mail.changed_at = world_.clock();
    mail.unreadable = fs::exists(fmt::format("{}/inquiries/unreadable/{}.mail", folder_, name));
    world_.trace.line(world_.wall(), fmt::format("mail {} has left the spool{}", mail.number,
                                                 mail.unreadable ? ": unreadable" : ""));
    referee_.mail_left_spool(name, mail.unreadable);
  }
}

void Writers::power_cut() {
  for (auto& [name, mail] : spooled_) {
    if (mail.unreadable || world_.clock() - mail.changed_at > not_synced_for) continue;
    const std::string path = fmt::format("{}/{}.mail", spool_folder(), name);
    auto file = [&](int tries) { return tries == 0 ? path : fmt::format("{}.{}", path, tries); };
    if (mail.waits && mail.tries > 0 && cut_.one_in(3)) {
      fs::rename(file(mail.tries), file(mail.tries - 1));
      --mail.tries;
    } else if (!mail.waits && cut_.one_in(2)) {
      std::ofstream(file(mail.tries), std::ios::binary) << mail.bytes;
      mail.waits = true;
      world_.trace.line(world_.wall(), fmt::format("mail {} is back in the spool", mail.number));
    }
  }
}

bool Writers::spool_is_empty() const {
  return std::none_of(spooled_.begin(), spooled_.end(),
                      [](const auto& one) { return one.second.waits; });
}

}  // namespace yagura::sim
