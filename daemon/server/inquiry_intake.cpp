#include "inquiry_intake.hpp"

#include <algorithm>
#include <vector>

#include "incoming_mail.hpp"
#include "log.hpp"
#include "mail_spool.hpp"
#include "text.hpp"

namespace yagura {

namespace {

constexpr int look_every = 15;          // seconds
constexpr std::size_t at_once = 10;     // mails in one go
constexpr std::size_t most_unrecorded = 50;
constexpr int most_tries = 3;
constexpr std::int64_t most_kept = std::int64_t{2} * 1024 * 1024 * 1024;  // of all files that came with mails

std::int64_t bytes_kept(const State& state) {
  std::int64_t bytes = 0;
  for (const auto& [id, inquiry] : state.inquiries) {
    for (const InquiryMessage& message : inquiry.messages) {
      for (const KeptFile& file : message.files) bytes += file.bytes;
    }
  }
  return bytes;
}

std::set<std::string> recorded_in(const State& state) {
  std::set<std::string> names;
  for (const auto& [id, inquiry] : state.inquiries) {
    for (const InquiryMessage& message : inquiry.messages) {
      if (!message.spooled.empty()) names.insert(message.spooled);
    }
  }
  return names;
}

}  // namespace

// One go: what the thread is given, and what it gives back.
struct InquiryIntake::Taking {
  std::string state_folder;
  PlatformPtr platform;
  std::set<std::string> unrecorded, recorded;
  std::int64_t room = 0;
  std::vector<MailCame> mails;
  std::vector<std::pair<std::string, std::string>> unreadable;  // name, why
  std::string trouble;
  bool more = false;

  void put_away(const WaitingMail& waiting, const std::string& why) {
    if (auto put = put_with_unreadable(state_folder, waiting); !put) {
      trouble = put.error().message;
      return;
    }
    unreadable.emplace_back(waiting.name, why);
  }

  // A file that cannot be kept is named, and the mail goes on: what was asked matters more.
  void keep_files(const std::string& name, IncomingMail& mail, MailCame& came) {
    came.left_out = std::move(mail.left_out);
    // Only of those who are answered files are kept.
    const bool keeps = correspondent_of(*platform, mail.from_address).has_value();
    for (std::size_t i = 0; i < mail.files.size(); ++i) {
      const IncomingFile& file = mail.files[i];
      const auto bytes = static_cast<std::int64_t>(file.bytes.size());
      auto kept = keeps && bytes <= room ? keep_file(state_folder, name, i + 1, file.name, file.bytes)
                                         : tl::unexpected(Error{"it is not kept"});
      if (!kept) {
        came.left_out.push_back(file.name);
        continue;
      }
      room -= bytes;
      came.files.push_back({*kept, bytes});
    }
  }

  void take(const WaitingMail& waiting) {
    // The daemon ended before its file was gone: how often, says nothing of the mail.
    if (recorded.contains(waiting.name)) return remove_mail(state_folder, waiting.name);
    if (waiting.tries >= most_tries) return put_away(waiting, "it was tried three times, and each time the daemon ended");
    auto tried = begin_try(state_folder, waiting);
    if (!tried) {
      trouble = tried.error().message;
      return;
    }
    auto read = read_mail(state_folder, *tried);
    if (!read) return put_away(*tried, read.error().message);
    auto mail = read_incoming(read->bytes, read->sender);
    if (!mail) return put_away(*tried, mail.error().message);
    MailCame came;
    came.spooled = waiting.name;
    keep_files(waiting.name, *mail, came);
    came.from_name = std::move(mail->from_name);
    came.from_address = std::move(mail->from_address);
    came.subject = std::move(mail->subject);
    came.message_id = std::move(mail->message_id);
    came.references = std::move(mail->references);
    came.number = mail->inquiry;
    came.automatic = std::move(mail->automatic);
    came.undelivered = std::move(mail->undelivered);
    came.text = std::move(mail->text);
    mails.push_back(std::move(came));
  }

  void work() {
    auto waiting = waiting_mails(state_folder);
    if (!waiting) {
      trouble = waiting.error().message;
      return;
    }
    std::erase_if(*waiting, [&](const WaitingMail& mail) { return unrecorded.contains(mail.name); });
    more = waiting->size() > at_once;
    if (more) waiting->resize(at_once);
    for (const WaitingMail& mail : *waiting) take(mail);
  }
};

InquiryIntake::InquiryIntake(Surroundings& surroundings, Engine& engine)
    : surroundings_(surroundings), engine_(engine), state_folder_(engine.configuration().state_folder) {
  engine_.on_mail_recorded([this, alive = std::weak_ptr(alive_)](const std::string& name) {
    if (!alive.expired()) forget(name);
  });
}

InquiryIntake::~InquiryIntake() = default;

void InquiryIntake::look_again() {
  if (seconds_++ % look_every == 0) look();
}

void InquiryIntake::look() {
  if (busy_) {
    once_more_ = true;
    return;
  }
  // What is not durable yet waits for the disk, and so do the others.
  if (unrecorded_.size() >= most_unrecorded) return;
  busy_ = true;
  once_more_ = false;
  auto taking = std::make_shared<Taking>();
  taking->state_folder = state_folder_;
  taking->platform = engine_.configuration().platform;
  taking->unrecorded = unrecorded_;
  taking->recorded = recorded_in(engine_.state());
  taking->room = most_kept - bytes_kept(engine_.state());
  auto started = surroundings_.run_aside([taking] { taking->work(); },
                                    [this, taking, alive = std::weak_ptr(alive_)] {
                                      if (!alive.expired()) hand_in(taking);
                                    });
  if (!started) busy_ = false;  // The next look comes by itself.
}

void InquiryIntake::hand_in(const std::shared_ptr<Taking>& taking) {
  busy_ = false;
  if (taking->trouble != trouble_) {
    trouble_ = taking->trouble;
    if (!trouble_.empty()) log::line(log::Level::error, "inquiry.spool", {{"why", trouble_}});
  }
  for (const auto& [name, why] : taking->unreadable) {
    log::line(log::Level::error, "inquiry.unreadable", {{"file", name}, {"why", why}});
    engine_.note("inquiry.unreadable", "daemon", {{"file", name}, {"why", one_line(why)}});
  }
  for (MailCame& mail : taking->mails) {
    unrecorded_.insert(mail.spooled);
    engine_.receive(std::move(mail));
  }
  if (taking->more || once_more_) look();
}

void InquiryIntake::forget(const std::string& name) {
  auto started = surroundings_.run_aside([folder = state_folder_, name] { remove_mail(folder, name); },
                                    [this, name, alive = std::weak_ptr(alive_)] {
                                      if (!alive.expired()) unrecorded_.erase(name);
                                    });
  // Its file is found again, and known by its name.
  if (!started) unrecorded_.erase(name);
}

}  // namespace yagura
