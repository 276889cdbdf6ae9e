#include "liveness/bus_link.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <systemd/sd-bus.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <system_error>

#include "io/runtime.hpp"
#include "io/socket_watch.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr int most_messages_a_turn = 64;  // then others have theirs
constexpr std::size_t most_properties = 1000;
constexpr std::uint64_t no_limit = UINT64_MAX;  // who asks has a timer

std::string words_of(int error) {
  return std::generic_category().message(error);
}

// A path as it stands in an address of D-Bus.
std::string escaped(const std::string& path) {
  std::string text;
  for (const char letter : path) {
    const auto byte = static_cast<unsigned char>(letter);
    const bool plain = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                       (letter >= '0' && letter <= '9') || letter == '/' || letter == '-' ||
                       letter == '_' || letter == '.';
    text += plain ? std::string(1, letter) : fmt::format("%{:02x}", byte);
  }
  return text;
}

// The value in a variant, which is left behind. Negative: as sd-bus says.
int read_variant(sd_bus_message* message, BusValue& value) {
  char type = 0;
  const char* contents = nullptr;
  int result = sd_bus_message_peek_type(message, &type, &contents);
  if (result < 0) return result;
  if (result == 0 || type != SD_BUS_TYPE_VARIANT) return -ENXIO;
  const std::string inner = contents == nullptr ? "" : contents;
  if (inner.size() != 1 || inner.find_first_of("sogybnqiuxt") == inner.npos)
    return sd_bus_message_skip(message, "v");
  result = sd_bus_message_enter_container(message, SD_BUS_TYPE_VARIANT, contents);
  if (result < 0) return result;
  union {
    const char* text;
    std::uint8_t y;
    int b;
    std::int16_t n;
    std::uint16_t q;
    std::int32_t i;
    std::uint32_t u;
    std::int64_t x;
    std::uint64_t t;
  } basic{};
  result = sd_bus_message_read_basic(message, inner[0], &basic);
  if (result < 0) return result;
  switch (inner[0]) {
    case 's':
    case 'o':
    case 'g':
      value = one_line(basic.text);
      break;
    case 'y':
      value = std::uint64_t{basic.y};
      break;
    case 'b':
      value = basic.b != 0;
      break;
    case 'n':
      value = std::int64_t{basic.n};
      break;
    case 'q':
      value = std::uint64_t{basic.q};
      break;
    case 'i':
      value = std::int64_t{basic.i};
      break;
    case 'u':
      value = std::uint64_t{basic.u};
      break;
    case 'x':
      value = basic.x;
      break;
    case 't':
      value = basic.t;
      break;
  }
  return sd_bus_message_exit_container(message);
}

int read_all(sd_bus_message* message, BusProperties& properties) {
  int result = sd_bus_message_enter_container(message, SD_BUS_TYPE_ARRAY, "{sv}");
  if (result < 0) return result;
  while ((result = sd_bus_message_enter_container(message, SD_BUS_TYPE_DICT_ENTRY, "sv")) > 0) {
    const char* name = nullptr;
    if (result = sd_bus_message_read_basic(message, 's', &name); result < 0) return result;
    if (properties.size() >= most_properties) return -E2BIG;
    if (result = read_variant(message, properties[name]); result < 0) return result;
    if (result = sd_bus_message_exit_container(message); result < 0) return result;
  }
  return result;
}

}  // namespace

struct BusLink::Call : std::enable_shared_from_this<BusLink::Call> {
  std::shared_ptr<BusLink> link;  // kept for as long as somebody waits
  std::string property;
  std::function<void(BusAnswer)> told;
  sd_bus_slot* slot = nullptr;

  void forget() {
    told = nullptr;
    slot = sd_bus_slot_unref(slot);
    if (link) {
      link->calls_.erase(this);
      link->rest();
    }
    link.reset();
  }
  static int came(sd_bus_message* reply, void* data, sd_bus_error*) {
    auto* call = static_cast<Call*>(data);
    call->link->calls_.erase(call);
    call->link->answered_.emplace_back(call->shared_from_this(), call->read(reply));
    return 1;
  }
  BusAnswer read(sd_bus_message* reply) const {
    if (const sd_bus_error* error = sd_bus_message_get_error(reply)) {
      // Of a connection that is gone libsystemd makes an answer up.
      if (sd_bus_is_open(link->bus_) <= 0)
        return tl::unexpected(BusRefusal{{}, "the connection broke off"});
      return tl::unexpected(
          BusRefusal{one_line(error->name, 100),
                     one_line(error->message == nullptr ? "" : error->message, 200)});
    }
    BusProperties properties;
    const int result =
        property.empty() ? read_all(reply, properties) : read_variant(reply, properties[property]);
    if (result < 0)
      return tl::unexpected(
          BusRefusal{"unreadable", "the answer is not of the form that it should have"});
    return properties;
  }
};

BusLink::Waiting::~Waiting() {
  if (call_) call_->forget();
}

struct BusLink::Links {
  std::map<std::string, std::shared_ptr<BusLink>> in_use;
};

BusLink::BusLink(io::Runtime& runtime, std::string socket)
    : runtime_(runtime), socket_(std::move(socket)) {}

BusLink::~BusLink() {
  if (watch_) watch_->stop();
  // Closed without a flush, which would wait for the other side.
  sd_bus_close(bus_);
  sd_bus_unref(bus_);
}

Result<std::shared_ptr<BusLink>> BusLink::to(io::Runtime& runtime, const std::string& socket) {
  std::shared_ptr<BusLink>& current = runtime.shared<Links>().in_use[socket];
  if (current && current->still_open()) return current;
  current.reset();
  std::shared_ptr<BusLink> fresh(new BusLink(runtime, socket));
  if (auto opened = fresh->open(); !opened) return tl::unexpected(opened.error());
  current = fresh;
  return fresh;
}

void BusLink::give_up(io::Runtime& runtime) {
  std::shared_ptr<BusLink>& current = runtime.shared<Links>().in_use[socket_];
  if (current.get() == this) current.reset();
}

Result<void> BusLink::open() {
  const auto cannot = [&](int error) {
    return failure_of(
        fmt::format("the bus at {} cannot be asked: {}{}", socket_, words_of(-error),
                    error == -ENOENT || error == -ECONNREFUSED ? "; does dbus run?" : ""));
  };
  int error = sd_bus_new(&bus_);
  if (error < 0) return cannot(error);
  for (const int one : {sd_bus_set_address(bus_, ("unix:path=" + escaped(socket_)).c_str()),
                        sd_bus_set_bus_client(bus_, 1), sd_bus_negotiate_fds(bus_, 0)}) {
    if (one < 0) return cannot(one);
  }
  if (error = sd_bus_start(bus_); error < 0) return cannot(error);
  watch_ = std::make_shared<io::SocketWatch>(runtime_.loop(), [this](int, io::Ready) { turn(); });
  return {};
}

// Of one that lay still: what came meanwhile is read, a farewell too.
bool BusLink::still_open() {
  if (broken_ || sd_bus_is_open(bus_) <= 0) return false;
  if (!calls_.empty()) return true;
  int result = 1;
  for (int count = 0; result > 0 && count < most_messages_a_turn; ++count)
    result = sd_bus_process(bus_, nullptr);
  return result >= 0 && sd_bus_is_open(bus_) > 0;
}

BusLink::Waiting BusLink::ask(const Question& question, std::function<void(BusAnswer)> told) {
  auto call = std::make_shared<Call>();
  call->link = shared_from_this();
  call->property = question.property;
  call->told = std::move(told);
  calls_.insert(call.get());
  sd_bus_message* message = nullptr;
  int error = sd_bus_message_new_method_call(
      bus_, &message, question.service.c_str(), question.path.c_str(),
      "org.freedesktop.DBus.Properties", question.property.empty() ? "GetAll" : "Get");
  if (error >= 0) error = sd_bus_message_append_basic(message, 's', question.interface.c_str());
  if (error >= 0 && !question.property.empty())
    error = sd_bus_message_append_basic(message, 's', question.property.c_str());
  // Who is not there is not started: that would be the bus' doing, at every run.
  if (error >= 0) error = sd_bus_message_set_auto_start(message, 0);
  if (error >= 0)
    error = sd_bus_call_async(bus_, &call->slot, message, Call::came, call.get(), no_limit);
  sd_bus_message_unref(message);
  if (error < 0) break_off(words_of(-error));
  arm();
  return Waiting(call);
}

// Watches the socket while somebody waits.
void BusLink::arm() {
  const auto turn_soon = [this] {
    if (std::exchange(posted_, true)) return;
    boost::asio::post(runtime_.loop(), [weak = weak_from_this()] {
      auto self = weak.lock();
      if (!self) return;
      self->posted_ = false;
      self->turn();
    });
  };
  if (!answered_.empty()) return turn_soon();
  if (calls_.empty() || broken_) return;
  const int events = sd_bus_get_events(bus_);
  const int socket = sd_bus_get_fd(bus_);
  if (events < 0 || socket < 0) {
    break_off("the connection broke off");
    return turn_soon();
  }
  // What is read and not yet dealt with needs no word of the kernel.
  std::uint64_t wait_until = no_limit;
  if (sd_bus_get_timeout(bus_, &wait_until) >= 0 && wait_until == 0) return turn_soon();
  watched_ = socket;
  watch_->want(socket, (events & POLLIN) != 0, (events & POLLOUT) != 0);
}

void BusLink::turn() {
  const auto self = shared_from_this();
  // libsystemd may close the socket, whose number is then somebody else's: it is let go before.
  let_go();
  int result = broken_ ? 0 : 1;
  for (int count = 0; result > 0 && count < most_messages_a_turn; ++count)
    result = sd_bus_process(bus_, nullptr);
  if (result < 0)
    break_off(result == -EPERM || result == -EACCES ? "it does not let us in"
                                                    : "the connection broke off");
  deliver();
  arm();
}

void BusLink::let_go() {
  if (watched_ >= 0) watch_->want(std::exchange(watched_, -1), false, false);
}

// While nobody waits the loop has nothing of us.
void BusLink::rest() {
  if (calls_.empty()) let_go();
}

void BusLink::break_off(const std::string& words) {
  broken_ = true;
  for (Call* call : std::exchange(calls_, {}))
    answered_.emplace_back(call->shared_from_this(), tl::unexpected(BusRefusal{{}, words}));
}

void BusLink::deliver() {
  for (auto& [call, answer] : std::exchange(answered_, {})) {
    const auto tell = std::exchange(call->told, nullptr);
    if (tell) tell(std::move(answer));  // may forget others of these
  }
}

}  // namespace yagura
