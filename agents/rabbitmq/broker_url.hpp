// Where an attached broker is, and who we are there: read from where a reference points, in the agent only.
//
// Nothing here ever puts what it read into an error: a URL with a typo still holds the password.
#pragma once

#include <cstdint>
#include <string>

#include "agents/rabbitmq/client.hpp"
#include "common/error.hpp"
#include "scenarios/model/attach.hpp"

namespace troop::agents {

/// "env:TROOP_NAME" or "file:/path" (its first line; nobody but its owner may read the file). Errors: usage.
Result<std::string> read_secret(const std::string& reference);

struct ManagementAddress {
  std::string url;  ///< "http://host:15672" or "https://…", without credentials and trailing slash.
  std::string user;
  std::string password;  ///< Never printed.
  std::string ca_file;   ///< As in the attachment; empty: the system's CAs.
};

struct BrokerAddresses {
  AmqpAddress amqp;  ///< The host is resolved: workers connect to IPv4 addresses only.
  std::string host;  ///< As written, for people.
  ManagementAddress management;
};

/// Reads both references. Credentials of the management API are its own, or those of the broker's URL. Blocks while the
/// host is looked up. Errors: usage.
Result<BrokerAddresses> read_addresses(const model::BrokerAttachment& attachment);

}  // namespace troop::agents
