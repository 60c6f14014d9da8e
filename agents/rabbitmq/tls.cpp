#include "agents/rabbitmq/tls.hpp"

#include <amqp.h>
#include <amqp_ssl_socket.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>

#include "common/unique_fd.hpp"

namespace troop::agents {
namespace {

struct FreeStore {
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
};

/// What is seen of one handshake.
struct Handshake {
  const TlsPeer& peer;
  SSL* tls = nullptr;
  int flaw = X509_V_OK;  ///< Of the peer's certificates.
};

bool is_address(const std::string& name) {
  ASN1_OCTET_STRING* const octets = a2i_IPADDRESS(name.c_str());
  ASN1_OCTET_STRING_free(octets);
  return octets != nullptr;
}

/// rabbitmq-c connects to an address here and would send that as the server's name; and it never shows the connection's
/// own object, without which nobody can send without blocking.
void at_start(const SSL* shown, int where, int) {
  auto* const handshake = static_cast<Handshake*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(shown)));
  if ((where & SSL_CB_HANDSHAKE_START) == 0 || handshake == nullptr) return;
  handshake->tls = const_cast<SSL*>(shown);
  const char* const name = is_address(handshake->peer.name) ? nullptr : handshake->peer.name.c_str();
  SSL_set_tlsext_host_name(handshake->tls, name);
}

int verify(X509_STORE_CTX* chain, void* into) {
  const int good = X509_verify_cert(chain);
  if (good <= 0) static_cast<Handshake*>(into)->flaw = X509_STORE_CTX_get_error(chain);
  return good > 0 ? 1 : 0;
}

/// Every certificate is verified within the handshake: its chain, its time, and whom it is made out to.
bool demand(amqp_socket_t* socket, SSL_CTX* context, Handshake& handshake) {
  const TlsPeer& peer = handshake.peer;
  X509_VERIFY_PARAM* const rules = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);  // as libcurl: who is in the file vouches, root or not
  const bool named = is_address(peer.name) ? X509_VERIFY_PARAM_set1_ip_asc(rules, peer.name.c_str()) == 1
                                           : X509_VERIFY_PARAM_set1_host(rules, peer.name.c_str(), 0) == 1;
  const bool vouched = peer.ca_file.empty()
                           ? SSL_CTX_set_default_verify_paths(context) == 1
                           : amqp_ssl_socket_set_cacert(socket, peer.ca_file.c_str()) == AMQP_STATUS_OK;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context, verify, &handshake);
  amqp_ssl_socket_set_verify_hostname(socket, 0);  // it would look for the address, and knows no addresses
  return named && vouched;
}

TlsOpening opened(int status, const Handshake& handshake) {
  using Outcome = TlsOpening::Outcome;
  if (status == AMQP_STATUS_OK && handshake.tls != nullptr) return {Outcome::open, {}, handshake.tls};
  if (handshake.flaw != X509_V_OK) {
    const std::string& file = handshake.peer.ca_file;
    return {Outcome::untrusted, fmt::format("the certificate is not trusted for {}: {}, by the CAs of {}",
                                            handshake.peer.name, X509_verify_cert_error_string(handshake.flaw),
                                            file.empty() ? "the system; ca_file names others" : file)};
  }
  if (status == AMQP_STATUS_TIMEOUT) return {Outcome::silent, "no answer"};
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  std::string why = amqp_error_string2(status);
  if (reason != nullptr) why.append(": ").append(reason);
  return {Outcome::refused, std::move(why)};
}

}  // namespace

Result<void> check_ca_file(const std::string& path) {
  const std::string what = "ca_file " + path;
  const UniqueFd fd{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat status {};
  if (!fd || fstat(fd.get(), &status) != 0) return system_error(ErrorKind::usage, what, errno);
  if (!S_ISREG(status.st_mode)) return usage_error(what + " is no file");
  const std::unique_ptr<X509_STORE, FreeStore> store{X509_STORE_new()};
  const bool good = store && X509_STORE_load_file(store.get(), path.c_str()) == 1;
  ERR_clear_error();
  if (!good) return usage_error(what + " holds no certificate in PEM");
  return success();
}

TlsOpening open_tls(amqp_connection_state_t_* connection, const std::string& address, std::uint16_t port,
                    const TlsPeer& peer, Duration timeout) {
  amqp_socket_t* const socket = amqp_ssl_socket_new(connection);
  if (socket == nullptr) return {TlsOpening::Outcome::refused, "TLS does not start"};
  auto* const context = static_cast<SSL_CTX*>(amqp_ssl_socket_get_context(socket));
  Handshake handshake{.peer = peer};
  if (!demand(socket, context, handshake)) return {TlsOpening::Outcome::untrusted, "ca_file cannot be used"};
  SSL_CTX_set_app_data(context, &handshake);
  SSL_CTX_set_info_callback(context, at_start);
  SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);  // what waits to be sent may grow meanwhile
  const timeval limit{timeout.count() / 1'000'000'000, timeout.count() % 1'000'000'000 / 1000};
  const int status = amqp_socket_open_noblock(socket, address.c_str(), port, &limit);
  TlsOpening out = opened(status, handshake);
  // The socket lives on, `handshake` does not. Without these two OpenSSL verifies by the same rules itself.
  SSL_CTX_set_app_data(context, nullptr);
  SSL_CTX_set_cert_verify_callback(context, nullptr, nullptr);
  ERR_clear_error();
  return out;
}

}  // namespace troop::agents
