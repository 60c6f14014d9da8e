#include "agents/rabbitmq/broker_url.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <memory>

#include "common/unique_fd.hpp"

namespace troop::agents {
namespace {

constexpr std::size_t secret_bytes_max = 4096;

Result<std::string> read_secret_file(const std::string& path) {
  const UniqueFd fd{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat status {};
  if (!fd || fstat(fd.get(), &status) != 0) return system_error(ErrorKind::usage, path, errno);
  if (!S_ISREG(status.st_mode)) return usage_error(path + " is no file");
  if ((status.st_mode & 077) != 0) return usage_error(path + " can be read by others than its owner; chmod 600 it");
  std::array<char, secret_bytes_max> bytes{};
  const ssize_t got = read(fd.get(), bytes.data(), bytes.size());
  if (got < 0) return system_error(ErrorKind::usage, path, errno);
  std::string text{bytes.data(), static_cast<std::size_t>(got)};
  return text.substr(0, text.find_first_of("\r\n"));
}

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

/// A part of a URL, decoded; empty where it has none.
std::string part_of(CURLU* url, CURLUPart part, unsigned flags = CURLU_URLDECODE) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK || text == nullptr) return {};
  std::string out{text};
  curl_free(text);
  return out;
}

struct Url {
  std::string scheme, user, password, host, path;
  std::uint16_t port = 0;  ///< 0: none is given.
};

/// `what` is the key of the scenario, which may be told.
Result<Url> parse(const std::string& text, const std::string& what) {
  const std::unique_ptr<CURLU, FreeUrl> url{curl_url()};
  constexpr unsigned flags = CURLU_NON_SUPPORT_SCHEME;
  if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), flags) != CURLUE_OK) {
    return usage_error(what + " points to something that is no URL");
  }
  Url out{.scheme = part_of(url.get(), CURLUPART_SCHEME),
          .user = part_of(url.get(), CURLUPART_USER),
          .password = part_of(url.get(), CURLUPART_PASSWORD),
          .host = part_of(url.get(), CURLUPART_HOST),
          .path = part_of(url.get(), CURLUPART_PATH)};
  const std::string port = part_of(url.get(), CURLUPART_PORT);
  std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (out.host.empty()) return usage_error(what + " points to a URL without a host");
  return out;
}

Result<std::string> resolve(const std::string& host, const std::string& what) {
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int failure = getaddrinfo(host.c_str(), nullptr, &hints, &found); failure != 0 || found == nullptr) {
    return usage_error(what + ": host " + host + " has no IPv4 address: " + gai_strerror(failure));
  }
  std::array<char, INET_ADDRSTRLEN> text{};
  const auto* address = reinterpret_cast<const sockaddr_in*>(found->ai_addr);
  inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size());
  freeaddrinfo(found);
  return std::string{text.data()};
}

}  // namespace

Result<std::string> read_secret(const std::string& reference) {
  if (!model::is_secret_reference(reference))
    return usage_error("no reference to a secret: use env:TROOP_NAME or file:/path");
  const std::string where = reference.substr(reference.find(':') + 1);
  std::string text;
  if (reference.starts_with("file:")) {
    BOOST_OUTCOME_TRY(text, read_secret_file(where));
  } else if (const char* value = std::getenv(where.c_str()); value != nullptr) {
    text = value;
  } else {
    return usage_error("the environment has no " + where + "; set it where troop is started");
  }
  if (text.empty()) return usage_error(where + " is empty");
  if (text.size() >= secret_bytes_max) return usage_error(where + " is too long");
  return text;
}

Result<BrokerAddresses> read_addresses(const model::BrokerAttachment& attachment) {
  constexpr std::uint16_t amqp_port = 5672, amqps_port = 5671;
  BOOST_OUTCOME_TRY(const auto broker_text, read_secret(attachment.url_from));
  BOOST_OUTCOME_TRY(const auto broker, parse(broker_text, "url_from"));
  if (broker.scheme != "amqp" && broker.scheme != "amqps") {
    return usage_error("url_from points to a URL that begins with neither amqp:// nor amqps://");
  }
  if (broker.user.empty() || broker.password.empty())
    return usage_error("url_from points to a URL without credentials");
  if (broker.path != "/" && !broker.path.empty() && broker.path != "/" + attachment.vhost) {
    return usage_error("url_from points to a URL with another vhost than 'vhost'");
  }
  BOOST_OUTCOME_TRY(const auto management_text, read_secret(attachment.management_from));
  BOOST_OUTCOME_TRY(const auto management, parse(management_text, "management_from"));
  if (management.scheme != "http" && management.scheme != "https") {
    return usage_error("management_from points to a URL that begins with neither http:// nor https://");
  }
  const bool broker_tls = broker.scheme == "amqps";
  if (!attachment.ca_file.empty()) {
    if (!broker_tls && management.scheme != "https")
      return usage_error("ca_file is given, but neither url_from nor management_from points to a URL of TLS");
    BOOST_OUTCOME_TRY(check_ca_file(attachment.ca_file));
  }
  BrokerAddresses out;
  BOOST_OUTCOME_TRY(out.amqp.host, resolve(broker.host, "url_from"));
  if (broker_tls) out.amqp.tls = TlsPeer{broker.host, attachment.ca_file};
  const std::uint16_t usual_port = broker_tls ? amqps_port : amqp_port;
  out.amqp.port = broker.port == 0 ? usual_port : broker.port;
  out.amqp.user = broker.user;
  out.amqp.password = broker.password;
  out.amqp.vhost = attachment.vhost;
  out.host = broker.host;
  std::string path = management.path;
  while (path.ends_with('/')) path.pop_back();
  out.management.url = management.scheme + "://" + management.host +
                       (management.port == 0 ? std::string{} : ":" + std::to_string(management.port)) + path;
  const bool own = !management.user.empty();
  out.management.ca_file = attachment.ca_file;
  out.management.user = own ? management.user : broker.user;
  out.management.password = own ? management.password : broker.password;
  return out;
}

}  // namespace troop::agents
