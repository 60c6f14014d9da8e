// Where an attached broker is, read from where references point; and what is refused without telling a secret.
#include "agents/rabbitmq/broker_url.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

#include "tests/support/private_ca.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troop::agents {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class BrokerUrlTest : public testing::Test {
 protected:
  fs::path write(const std::string& name, const std::string& text, fs::perms more = fs::perms::none) {
    const fs::path path = folder_ / name;
    std::ofstream{path} << text;
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write | more);
    return path;
  }
  Result<BrokerAddresses> read(const char* url, const std::string& api = "http://127.0.0.1:15673/\nmore\n",
                               const std::string& ca_file = {}) {
    setenv("TROOP_TEST_URL", url, 1);
    model::BrokerAttachment attachment;
    attachment.url_from = "env:TROOP_TEST_URL";
    attachment.management_from = "file:" + write("management", api).string();
    attachment.vhost = "v";
    attachment.ca_file = ca_file;
    return read_addresses(attachment);
  }

  testing_support::TemporaryFolder folder_;
};

TEST_F(BrokerUrlTest, ReadsSecretsWhereTheyAreKeptAndTellsNone) {
  const auto found = read("amqp://me:can%2Fary@127.0.0.1:5673/");
  ASSERT_TRUE(found) << found.error().context;
  EXPECT_EQ(found.value().amqp.password, "can/ary");
  EXPECT_EQ(found.value().amqp.port, 5673);
  EXPECT_EQ(found.value().amqp.tls, std::nullopt);
  EXPECT_EQ(found.value().management.url, "http://127.0.0.1:15673");
  EXPECT_EQ(found.value().management.password, "can/ary");
  for (const char* wrong :
       {"amqpx://me:canary@127.0.0.1", "amqp://me:canary@127.0.0.1:99999999", "amqp://me:canary@127.0.0.1/other",
        "canary", "amqp://me:canary@no-such-host.invalid", "amqps://me:canary@no-such-host.invalid",
        "amqp://canary@127.0.0.1", "amqps://canary@127.0.0.1", "https://me:canary@127.0.0.1"}) {
    const auto refused = read(wrong);
    ASSERT_TRUE(refused.has_error()) << wrong;
    EXPECT_THAT(refused.error().context, Not(HasSubstr("canary")));
  }
  EXPECT_TRUE(read_secret("env:HOME").has_error());
  const auto open = write("open", "amqp://me:canary@h", fs::perms::others_read);
  EXPECT_THAT(read_secret("file:" + open.string()).error().context, HasSubstr("chmod 600"));
}

TEST_F(BrokerUrlTest, TheSchemeSaysTlsAndThenTheNameCounts) {
  const auto usual = read("amqps://me:secret@localhost", "https://localhost");
  ASSERT_TRUE(usual) << usual.error().context;
  EXPECT_EQ(usual.value().amqp.port, 5671);
  EXPECT_EQ(usual.value().amqp.host, "127.0.0.1");
  EXPECT_EQ(usual.value().amqp.tls, (TlsPeer{"localhost", ""}));
  EXPECT_EQ(usual.value().management.url, "https://localhost");
  const auto other = read("amqps://me:secret@127.0.0.1:5673");
  ASSERT_TRUE(other) << other.error().context;
  EXPECT_EQ(other.value().amqp.port, 5673);
  EXPECT_EQ(other.value().amqp.tls, (TlsPeer{"127.0.0.1", ""}));
  EXPECT_EQ(read("amqp://me:secret@127.0.0.1").value().amqp.port, 5672);
}

TEST_F(BrokerUrlTest, AFileOfCasIsForTlsAndCanBeRead) {
  const test::PrivateCa ca{folder_ / "ca"};
  ASSERT_TRUE(ca.good());
  const std::string tls = "amqps://me:secret@127.0.0.1", plain = "amqp://me:secret@127.0.0.1",
                    http = "http://127.0.0.1", https = "https://127.0.0.1";
  for (const auto& [url, api] : {std::pair{tls, http}, {plain, https}, {tls, https}}) {
    const auto found = read(url.c_str(), api, ca.file());
    ASSERT_TRUE(found) << found.error().context;
    EXPECT_EQ(found.value().management.ca_file, ca.file());
    EXPECT_EQ(found.value().amqp.tls.has_value(), url == tls);
    EXPECT_EQ(found.value().amqp.tls.value_or(TlsPeer{"", ca.file()}).ca_file, ca.file());
  }
  const auto why = [&](const std::string& url, const std::string& file) {
    const auto refused = read(url.c_str(), http, file);
    return refused.has_error() ? refused.error().context : "";
  };
  EXPECT_THAT(why(plain, ca.file()), HasSubstr("neither url_from nor management_from points to a URL of TLS"));
  EXPECT_THAT(why(tls, "/nowhere/ca.pem"), HasSubstr("ca_file /nowhere/ca.pem: No such file or directory"));
  EXPECT_THAT(why(tls, folder_.path()), HasSubstr("is no file"));
  EXPECT_THAT(why(tls, write("empty", "")), HasSubstr("holds no certificate in PEM"));
}

}  // namespace
}  // namespace troop::agents
