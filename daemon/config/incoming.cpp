// incoming: who else may say how a component is, over listen.http.
#include <fmt/format.h>

#include <algorithm>

#include "draft.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_topics = 100;

// arn:aws:sns:REGION:ACCOUNT:NAME; read again, strictly, of each message (daemon/incoming/sns.hpp).
bool is_topic(std::string_view text) {
  return text.starts_with("arn:aws") && text.find(":sns:") != std::string_view::npos &&
         std::count(text.begin(), text.end(), ':') == 5 && !text.ends_with(':');
}

// From others anybody with an account could send.
void read_topics(Reader& reader, IncomingSender& sender) {
  if (reader.required("topics") == nullptr) return;
  sender.topics = reader.texts("topics");
  if (sender.topics.size() > most_topics) {
    reader.problem(*reader.find("topics"), fmt::format("`topics` has at most {} of them", most_topics));
  }
  for (const std::string& topic : sender.topics) {
    if (is_topic(topic)) continue;
    reader.problem(*reader.find("topics"), fmt::format("`{}` is no topic: write its ARN, such as "
                                                       "arn:aws:sns:ap-northeast-1:123456789012:alarms",
                                                       one_line(topic, 100)));
  }
}

std::optional<IncomingSender> read_sender(Draft& draft, Reader& incoming, AlarmSource source) {
  const std::string key(name_of(source));
  const Node* section = incoming.find(key);
  if (section == nullptr) return std::nullopt;
  Reader reader(*section, draft.problems, "incoming." + key);
  IncomingSender sender;
  if (reader.has("token")) {
    reader.problem(*reader.find("token"), "a token in the configuration is read by all who read that: put it into a file "
                                          "that only the daemon can read, and the file's name here, as `token_file`");
  } else if (const Node* file = reader.required("token_file")) {
    sender.token_file = path_of(reader, "token_file");
    draft.guard(sender.token_file, *file, GuardedFile::Kind::secret);
  }
  if (source == AlarmSource::sns) read_topics(reader, sender);
  reader.finish();
  return sender;
}

}  // namespace

void read_incoming(Draft& draft) {
  std::map<AlarmSource, IncomingSender>& senders = draft.configuration.incoming;
  if (const Node* section = draft.root.find("incoming")) {
    Reader incoming(*section, draft.problems, "incoming");
    for (AlarmSource source : {AlarmSource::alertmanager, AlarmSource::event, AlarmSource::sns}) {
      if (auto sender = read_sender(draft, incoming, source)) senders[source] = std::move(*sender);
    }
    incoming.finish();
    if (draft.configuration.http_address.empty()) {
      draft.problem(draft.section_key("incoming"),
                    "`incoming` is taken over HTTP, and there is no `listen.http`: write listen: {http: 127.0.0.1:9640}");
    }
  }
  for (const auto& [source, at] : draft.alarm_sources) {
    if (senders.contains(source)) continue;
    draft.warning(at, fmt::format("nothing is taken from {0}: write incoming: {{{0}: {{token_file: PATH}}}}", name_of(source)));
  }
}

}  // namespace yagura
