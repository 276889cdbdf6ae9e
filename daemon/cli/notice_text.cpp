// What a notice says: read as the bank will read it, and written anew in the lead's editor.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>

#include "ask.hpp"
#include "commands.hpp"
#include "fields.hpp"
#include "text.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_text = 10'000;  // more the daemon would cut off silently

struct Text {
  std::string subject;
  std::string body;
  bool operator==(const Text&) const = default;
};

std::string written(const Text& text) {
  return "Subject: " + text.subject + "\n\n" + text.body;
}

// `Subject: …`, an empty line, the text: as it was given to the editor.
Result<Text> read_text(std::string_view file) {
  constexpr std::string_view label = "Subject:";
  std::string plain;
  for (char c : file) {
    if (c != '\r') plain += c;
  }
  std::string_view rest = plain;
  if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);
  const auto end = rest.find('\n');
  if (!rest.starts_with(label) || end == std::string_view::npos) {
    return failure_of("the text has to begin with a line `Subject: …`, and an empty line after it");
  }
  std::string_view subject = rest.substr(label.size(), end - label.size());
  while (subject.starts_with(' '))
    subject.remove_prefix(1);
  while (subject.ends_with(' '))
    subject.remove_suffix(1);
  rest.remove_prefix(end + 1);
  if (!rest.starts_with('\n'))
    return failure_of("an empty line has to stand between the subject and the text");
  while (rest.starts_with('\n'))
    rest.remove_prefix(1);
  while (rest.ends_with('\n') || rest.ends_with(' '))
    rest.remove_suffix(1);
  Text text{std::string(subject), std::string(rest)};
  if (!text.body.empty()) text.body += '\n';
  if (text.body.size() > longest_text) {
    return failure_of(fmt::format("the text is longer than {} bytes", longest_text));
  }
  if (!is_utf8(text.subject) || !is_utf8(text.body))
    return failure_of("the text is not UTF-8; is the editor set to it?");
  return text;
}

Result<std::string> content_of(const std::string& path) {
  std::string content;
  if (path == "-") {
    content.assign(std::istreambuf_iterator<char>(std::cin), {});
    return content;
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return failure_of(fmt::format("{} cannot be read: {}", path, std::strerror(errno)));
  content.assign(std::istreambuf_iterator<char>(file), {});
  return content;
}

std::string editor() {
  for (const char* name : {"VISUAL", "EDITOR"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return ::access("/usr/bin/editor", X_OK) == 0 ? "editor" : "vi";
}

// A file that nobody else can read, with the text in it; its path.
Result<std::string> draft_file(std::int64_t notice, const std::string& text) {
  const char* folder = std::getenv("TMPDIR");
  std::string path = fmt::format("{}/yagura-notice-{}.XXXXXX.txt",
                                 folder != nullptr && *folder != '\0' ? folder : "/tmp", notice);
  const int file = ::mkstemps(path.data(), 4);
  if (file < 0) return failure_of(fmt::format("{} cannot be made: {}", path, std::strerror(errno)));
  bool whole = true;
  for (std::size_t done = 0; whole && done < text.size();) {
    const ssize_t wrote = ::write(file, text.data() + done, text.size() - done);
    whole = wrote > 0;
    if (whole) done += static_cast<std::size_t>(wrote);
  }
  const int trouble = errno;
  if (::close(file) == 0 && whole) return path;
  ::unlink(path.c_str());
  return failure_of(fmt::format("{} cannot be written: {}", path, std::strerror(trouble)));
}

// The user's editor on that file, in the user's own shell syntax, as git and crontab start it.
// While it runs, Ctrl-C is its own.
Result<void> run_editor(const std::string& path) {
  const std::string command = editor() + " \"$1\"";
  struct sigaction ignore {
  }, interrupt{}, quit{};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGINT, &ignore, &interrupt);
  sigaction(SIGQUIT, &ignore, &quit);
  const pid_t child = ::fork();
  if (child == 0) {
    sigaction(SIGINT, &interrupt, nullptr);
    sigaction(SIGQUIT, &quit, nullptr);
    ::execl("/bin/sh", "sh", "-c", command.c_str(), "sh", path.c_str(),
            static_cast<char*>(nullptr));
    ::_exit(127);
  }
  int status = -1;
  if (child > 0) {
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
  }
  sigaction(SIGINT, &interrupt, nullptr);
  sigaction(SIGQUIT, &quit, nullptr);
  if (child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return failure_of(fmt::format(
      "the editor ({}) did not end well; set EDITOR to yours, or give the text with --file",
      editor()));
}

struct Draft {
  std::int64_t id = 0;
  std::string edition;
  Text text;
};

std::optional<Draft> draft_of(const json::value& notice, const Terminal& terminal) {
  Draft draft{number(notice, "id"),
              text(notice, "edition"),
              {text(notice, "subject"), long_text(notice, "body")}};
  if (!draft.edition.empty()) return draft;
  const std::string state = text(notice, "state"), audience = text(notice, "audience");
  complain(terminal,
           state == "held" || state == "due"
               ? fmt::format("notice {} goes to {}: only mail to banks can be edited", draft.id,
                             audience)
               : fmt::format("notice {} is {} already, and cannot be edited", draft.id, state));
  return std::nullopt;
}

int send(const Arguments& given, const Terminal& terminal, const Draft& draft, const Text& text) {
  return send_order(given, terminal,
                    {{"order", "notice-edit"},
                     {"notice", draft.id},
                     {"edition", draft.edition},
                     {"subject", text.subject},
                     {"body", text.body}});
}

int edit_by_hand(const Arguments& given, const Terminal& terminal, const Draft& draft) {
  auto path = draft_file(draft.id, written(draft.text));
  if (!path) return complain(terminal, path.error().message), exit_refused;
  const auto kept = [&](const std::string& why) {
    complain(terminal,
             fmt::format("{}; what you wrote is in {}: `yagura notice edit {} --file {}` takes it",
                         why, *path, draft.id, *path));
    return exit_refused;
  };
  if (auto ran = run_editor(*path); !ran) return kept(ran.error().message);
  auto content = content_of(*path);
  if (!content) return kept(content.error().message);
  auto text = read_text(*content);
  if (!text) return kept(text.error().message);
  if (*text == *read_text(written(draft.text))) {
    ::unlink(path->c_str());
    terminal.err << fmt::format("notice {} stays as it is: nothing was changed\n", draft.id);
    return exit_done;
  }
  const int exit = send(given, terminal, draft, *text);
  if (exit != exit_done) return kept("not taken"), exit;
  ::unlink(path->c_str());
  return exit_done;
}

Answered ask_for(const Arguments& given, const Terminal& terminal) {
  auto id = given.number("ID");
  if (!id) return {wrong_usage(given, terminal, id.error().message), 0, {}, {}};
  return ask(given, terminal, fmt::format("/v1/notices/{}", *id));
}

}  // namespace

int notice_preview(const Arguments& given, const Terminal& terminal) {
  Answered answered = ask_for(given, terminal);
  if (answered.exit != exit_done) return answered.exit;
  const json::value& notice = answered.value;
  if (given.json) {
    terminal.out << json::serialize(json::object{{"id", number(notice, "id")},
                                                 {"to", *member(notice, "to")},
                                                 {"subject", text(notice, "subject")},
                                                 {"body", long_text(notice, "body")}})
                 << "\n";
    return exit_done;
  }
  terminal.out << "To: " << joined(texts(notice, "to")) << "\n"
               << written({text(notice, "subject"), long_text(notice, "body")});
  return exit_done;
}

int notice_edit(const Arguments& given, const Terminal& terminal) {
  Answered answered = ask_for(given, terminal);
  if (answered.exit != exit_done) return answered.exit;
  auto draft = draft_of(answered.value, terminal);
  if (!draft) return exit_refused;
  if (!given.has("file")) return edit_by_hand(given, terminal, *draft);
  auto content = content_of(given.text("file"));
  auto text = content ? read_text(*content) : tl::unexpected(content.error());
  if (!text) return complain(terminal, text.error().message), exit_refused;
  return send(given, terminal, *draft, *text);
}

}  // namespace yagura::cli
