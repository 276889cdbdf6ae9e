#include "fake_smtp.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

namespace yagura::test {
namespace {

struct Hangup {};

std::string decoded(const std::string& text) {
  if (text.empty()) return {};
  std::string bytes(text.size(), 0);
  int count = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                              reinterpret_cast<const unsigned char*>(text.data()),
                              static_cast<int>(text.size()));
  auto padding = std::count(text.end() - 2, text.end(), '=');
  bytes.resize(count < 0 ? 0 : static_cast<std::size_t>(count - padding));
  return bytes;
}

bool begins(const std::string& line, const std::string& word) {
  return line.size() >= word.size() &&
         std::equal(word.begin(), word.end(), line.begin(),
                    [](char a, char b) { return a == std::toupper(b); });
}

// The path within the angle brackets.
std::string path_of(const std::string& line) {
  std::size_t begin = line.find('<');
  std::size_t end = line.find('>', begin);
  return begin == std::string::npos || end == std::string::npos
             ? ""
             : line.substr(begin + 1, end - begin - 1);
}

}  // namespace

struct FakeSmtp::Impl {
  // One connection, on a thread of its own.
  class Session {
   public:
    Session(Impl& server, int socket) : server_(server), socket_(socket) {
      std::lock_guard lock(server_.mutex);
      script_ = server_.script;
    }
    ~Session() {
      SSL_free(ssl_);
      SSL_CTX_free(context_);
    }

    void run() {
      try {
        if (script_.tls_at_once) encrypt();
        answer("greeting", "220 fake.example ESMTP");
        while (handle(line())) {
        }
      } catch (const Hangup&) {
      }
    }

   private:
    bool handle(const std::string& command) {
      {
        std::lock_guard lock(server_.mutex);
        server_.commands.push_back(command);
      }
      if (begins(command, "EHLO")) {
        greet();
      } else if (begins(command, "HELO")) {
        answer("helo", "250 fake.example");
      } else if (begins(command, "STARTTLS")) {
        if (answer("starttls", "220 go ahead")) encrypt();
      } else if (begins(command, "AUTH")) {
        authenticate(command);
      } else if (begins(command, "MAIL")) {
        mail_ = FakeSmtpMail{path_of(command), {}, {}, ssl_ != nullptr, authenticated_};
        answer("mail", "250 2.1.0 sender ok");
      } else if (begins(command, "RCPT")) {
        std::string address = path_of(command);
        std::string own = "rcpt " + address;
        bool taken = script_.answers.count(own) != 0 ? answer(own, "")
                                                     : answer("rcpt", "250 2.1.5 recipient ok");
        if (taken) mail_.to.push_back(address);
      } else if (begins(command, "DATA")) {
        if (answer("data", "354 go ahead")) take_mail();
      } else if (begins(command, "QUIT")) {
        answer("quit", "221 2.0.0 bye");
        return false;
      } else {
        say("500 5.5.2 what?");
      }
      return true;
    }

    void greet() {
      std::string text = "250-fake.example";
      std::vector<std::string> offers = script_.offers;
      if (script_.starttls && ssl_ == nullptr) offers.emplace_back("STARTTLS");
      if (!script_.user.empty()) offers.emplace_back("AUTH PLAIN LOGIN");
      offers.emplace_back("HELP");
      for (std::size_t at = 0; at < offers.size(); ++at) {
        text += "\r\n250" + std::string(at + 1 == offers.size() ? " " : "-") + offers[at];
      }
      answer("ehlo", text);
    }

    void authenticate(const std::string& command) {
      std::string user, password;
      if (command.find("PLAIN") != std::string::npos) {
        std::size_t last = command.rfind(' ');
        std::string response = last > 5 ? command.substr(last + 1) : (say("334 "), line());
        std::string plain = decoded(response);
        std::size_t first_nul = plain.find('\0');
        std::size_t second_nul = plain.find('\0', first_nul + 1);
        if (second_nul != std::string::npos) {
          user = plain.substr(first_nul + 1, second_nul - first_nul - 1);
          password = plain.substr(second_nul + 1);
        }
      } else {
        say("334 VXNlcm5hbWU6");
        user = decoded(line());
        say("334 UGFzc3dvcmQ6");
        password = decoded(line());
      }
      bool right = user == script_.user && password == script_.password;
      authenticated_ =
          answer("auth", right ? "235 2.7.0 welcome" : "535 5.7.8 wrong credentials") && right;
    }

    void take_mail() {
      std::string bytes;
      for (bool first = true;; first = false) {
        std::string text = line();
        if (text == ".") break;
        bytes += (text.rfind('.', 0) == 0 ? text.substr(1) : text) + "\r\n";
        if (first && script_.answers.count("body") != 0) answer("body", "");
      }
      mail_.bytes = std::move(bytes);
      {
        std::lock_guard lock(server_.mutex);
        server_.mails.push_back(mail_);
      }
      answer("dot", "250 2.0.0 queued as 1");
    }

    // Whether it was a good answer.
    bool answer(const std::string& stage, const std::string& usual) {
      auto found = script_.answers.find(stage);
      std::string text = found == script_.answers.end() ? usual : found->second;
      if (text == "cut") throw Hangup();
      if (text == "silent") {
        server_.pause(std::chrono::hours(1));
        throw Hangup();
      }
      if (text.rfind("slow ", 0) == 0) {
        server_.pause(script_.slowness);
        text = text.substr(5);
      }
      say(text);
      return text[0] == '2' || text[0] == '3';
    }

    void say(const std::string& text) {
      std::string bytes = text + "\r\n";
      int count = ssl_ != nullptr
                      ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                      : static_cast<int>(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
      if (count <= 0) throw Hangup();
    }

    std::string line() {
      while (true) {
        std::size_t end = read_.find("\r\n");
        if (end != std::string::npos) {
          std::string text = read_.substr(0, end);
          read_.erase(0, end + 2);
          return text;
        }
        char buffer[4096];
        int count = ssl_ != nullptr ? SSL_read(ssl_, buffer, sizeof buffer)
                                    : static_cast<int>(::recv(socket_, buffer, sizeof buffer, 0));
        if (count <= 0) throw Hangup();
        read_.append(buffer, static_cast<std::size_t>(count));
      }
    }

    void encrypt() {
      context_ = SSL_CTX_new(TLS_server_method());
      if (SSL_CTX_use_certificate_file(context_, script_.certificate.c_str(), SSL_FILETYPE_PEM) !=
              1 ||
          SSL_CTX_use_PrivateKey_file(context_, script_.key.c_str(), SSL_FILETYPE_PEM) != 1) {
        throw Hangup();
      }
      ssl_ = SSL_new(context_);
      SSL_set_fd(ssl_, socket_);
      if (SSL_accept(ssl_) != 1) throw Hangup();
    }

    Impl& server_;
    int socket_;
    FakeSmtpScript script_;
    SSL_CTX* context_ = nullptr;
    SSL* ssl_ = nullptr;
    std::string read_;
    FakeSmtpMail mail_;
    bool authenticated_ = false;
  };

  struct Connection {
    int socket;
    std::thread thread;
  };

  Impl(FakeSmtpScript given, int wanted_port) : script(std::move(given)) {
    // OpenSSL writes to closed connections without asking.
    ::signal(SIGPIPE, SIG_IGN);
    listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int yes = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(wanted_port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener, 16) != 0 ||
        ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      ::close(listener);
      throw std::runtime_error("the fake SMTP server cannot listen");
    }
    port = ntohs(address.sin_port);
    acceptor = std::thread([this] { accept(); });
  }

  ~Impl() {
    {
      std::lock_guard lock(mutex);
      stopping = true;
      for (Connection& connection : connections)
        ::shutdown(connection.socket, SHUT_RDWR);
    }
    changed.notify_all();
    ::shutdown(listener, SHUT_RDWR);
    acceptor.join();
    ::close(listener);
    for (Connection& connection : connections) {
      connection.thread.join();
      ::close(connection.socket);
    }
  }

  void accept() {
    while (true) {
      int socket = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) return;
      int yes = 1;
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      std::lock_guard lock(mutex);
      if (stopping) {
        ::close(socket);
        return;
      }
      connections.push_back({socket, {}});
      connections.back().thread = std::thread([this, socket] {
        Session(*this, socket).run();
        // Closed only at the end, so that no other connection gets this number meanwhile.
        ::shutdown(socket, SHUT_RDWR);
      });
    }
  }

  void pause(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, time, [this] { return stopping; });
  }

  mutable std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;
  FakeSmtpScript script;
  std::vector<FakeSmtpMail> mails;
  std::vector<std::string> commands;
  std::list<Connection> connections;
  int listener = -1;
  int port = 0;
  std::thread acceptor;
};

FakeSmtp::FakeSmtp(FakeSmtpScript script, int port)
    : impl_(std::make_unique<Impl>(std::move(script), port)) {}
FakeSmtp::~FakeSmtp() = default;

int FakeSmtp::port() const {
  return impl_->port;
}
std::string FakeSmtp::url(const std::string& host) const {
  bool at_once = false;
  {
    std::lock_guard lock(impl_->mutex);
    at_once = impl_->script.tls_at_once;
  }
  return (at_once ? "smtps://" : "smtp://") + host + ":" + std::to_string(impl_->port);
}
std::vector<FakeSmtpMail> FakeSmtp::mails() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->mails;
}
std::vector<std::string> FakeSmtp::commands() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->commands;
}
int FakeSmtp::connections() const {
  std::lock_guard lock(impl_->mutex);
  return static_cast<int>(impl_->connections.size());
}
void FakeSmtp::set_script(FakeSmtpScript script) {
  std::lock_guard lock(impl_->mutex);
  impl_->script = std::move(script);
}

void make_certificate(const std::string& folder, const std::string& for_names) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_EXTENSION* names =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, for_names.c_str());
  X509_add_ext(certificate, names, -1);
  X509_EXTENSION_free(names);
  X509_sign(certificate, key, EVP_sha256());
  BIO* file = BIO_new_file((folder + "/certificate.pem").c_str(), "w");
  PEM_write_bio_X509(file, certificate);
  BIO_free(file);
  file = BIO_new_file((folder + "/key.pem").c_str(), "w");
  PEM_write_bio_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  BIO_free(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

}  // namespace yagura::test
