#include "agents/host/queue_table.hpp"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <linux/netlink.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sstream>

#include "agents/host/nftables.hpp"

namespace troop::agents {
namespace ip = boost::asio::ip;
namespace {

constexpr const char* set_name = "peers";  // or, of everybody, the family
constexpr const char* chain_name = "input";
constexpr std::size_t message_max = 64 << 10;
constexpr std::size_t elements_per_message = 500;
constexpr int send_buffer_bytes = 8 << 20;

template <auto free>
struct Freed {
  void operator()(auto* what) const { free(what); }
};

struct Family {
  std::uint16_t number;  ///< NFPROTO_…
  std::uint32_t address_offset, address_bytes;
  std::uint32_t key_type;  ///< How `nft list` shows a key: its numbers of ipv4_addr and ipv6_addr.
};
constexpr Family families[] = {{NFPROTO_IPV4, 12, 4, 7}, {NFPROTO_IPV6, 8, 16, 8}};
constexpr std::uint32_t family_key_type = 2;  // nf_proto

template <class Address>
std::string raw(const Address& address) {
  const auto bytes = address.to_bytes();
  return {bytes.begin(), bytes.end()};
}

/// The elements of the set.
std::vector<std::string> keys_of(const Traffic& traffic, const Family& family) {
  if (traffic.everybody) return {std::string(1, static_cast<char>(family.number))};
  std::vector<std::string> keys;
  for (const auto& peer : traffic.peers) {
    if (peer.is_v4() != (family.number == NFPROTO_IPV4)) continue;
    keys.push_back(peer.is_v4() ? raw(peer.to_v4()) : raw(peer.to_v6()));
  }
  return keys;
}

/// Messages of one transaction, one behind the other.
class Transaction {
 public:
  Transaction() { end(nftnl_batch_begin(place(), 0)); }
  /// Room for a message; it ends with end().
  nlmsghdr* begin(int type, std::uint16_t family, int flags) {
    return nftnl_nlmsg_build_hdr(place(), static_cast<std::uint16_t>(type), family,
                                 static_cast<std::uint16_t>(flags | NLM_F_ACK), ++sequence_);
  }
  void end(const nlmsghdr* message) { size_ += MNL_ALIGN(message->nlmsg_len); }
  /// 0, or what the kernel says against it.
  int commit(int fd) {
    end(nftnl_batch_end(place(), ++sequence_));
    if (send(fd, buffer_.data(), size_, 0) < 0) return errno;
    // All is done when send() returns: what there is to say has been said.
    int acknowledged = 0;
    std::array<char, 8192> answer{};
    for (ssize_t got = 0; (got = recv(fd, answer.data(), answer.size(), MSG_DONTWAIT)) > 0;) {
      auto left = static_cast<int>(got);
      for (auto* header = reinterpret_cast<nlmsghdr*>(answer.data()); mnl_nlmsg_ok(header, left);
           header = mnl_nlmsg_next(header, &left)) {
        if (header->nlmsg_type != NLMSG_ERROR) continue;
        const int wrong = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(header))->error;
        if (wrong != 0) return -wrong;
        ++acknowledged;
      }
    }
    return acknowledged > 0 ? 0 : EPROTO;
  }

 private:
  char* place() {
    buffer_.resize(size_ + message_max);
    return buffer_.data() + size_;
  }
  std::vector<char> buffer_;
  std::size_t size_ = 0;
  std::uint32_t sequence_ = 0;
};

void add_elements(Transaction& transaction, const Family& family, const std::string& table,
                  const std::vector<std::string>& keys) {
  for (std::size_t first = 0; first < keys.size(); first += elements_per_message) {
    const std::unique_ptr<nftnl_set, Freed<nftnl_set_free>> set{nftnl_set_alloc()};
    nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, table.c_str());
    nftnl_set_set_str(set.get(), NFTNL_SET_NAME, set_name);
    for (std::size_t i = first; i < std::min(keys.size(), first + elements_per_message); ++i) {
      nftnl_set_elem* element = nftnl_set_elem_alloc();
      nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, keys[i].data(), static_cast<std::uint32_t>(keys[i].size()));
      nftnl_set_elem_add(set.get(), element);  // the set frees it
    }
    nlmsghdr* message = transaction.begin(NFT_MSG_NEWSETELEM, family.number, NLM_F_CREATE);
    nftnl_set_elems_nlmsg_build_payload(message, set.get());
    transaction.end(message);
  }
}

void flush_set(Transaction& transaction, const Family& family, const std::string& table) {
  const std::unique_ptr<nftnl_set, Freed<nftnl_set_free>> set{nftnl_set_alloc()};
  nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, table.c_str());
  nftnl_set_set_str(set.get(), NFTNL_SET_NAME, set_name);
  nlmsghdr* message = transaction.begin(NFT_MSG_DELSETELEM, family.number, 0);
  nftnl_set_elems_nlmsg_build_payload(message, set.get());
  transaction.end(message);
}

/// A rule that is being written: what it matches, in the order of the calls.
class Rule {
 public:
  Rule(const Family& family, const std::string& table) : rule_(nftnl_rule_alloc()) {
    nftnl_rule_set_str(rule_.get(), NFTNL_RULE_TABLE, table.c_str());
    nftnl_rule_set_str(rule_.get(), NFTNL_RULE_CHAIN, chain_name);
    nftnl_rule_set_u32(rule_.get(), NFTNL_RULE_FAMILY, family.number);
  }
  void load(std::uint32_t base, std::uint32_t offset, std::uint32_t bytes) {
    nftnl_expr* payload = add("payload");
    nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_BASE, base);
    nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
    nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_LEN, bytes);
    nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
  }
  void load_meta(std::uint32_t key) {
    nftnl_expr* meta = add("meta");
    nftnl_expr_set_u32(meta, NFTNL_EXPR_META_KEY, key);
    nftnl_expr_set_u32(meta, NFTNL_EXPR_META_DREG, NFT_REG_1);
  }
  void is_a_peer() {
    nftnl_expr* lookup = add("lookup");
    nftnl_expr_set_str(lookup, NFTNL_EXPR_LOOKUP_SET, set_name);
    nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
  }
  void transport(std::uint32_t comparison, std::uint8_t number) {
    load_meta(NFT_META_L4PROTO);
    compare(comparison, &number, sizeof number);
  }
  void of(const ControlGroup& group) {
    nftnl_expr* socket = add("socket");
    nftnl_expr_set_u32(socket, NFTNL_EXPR_SOCKET_KEY, NFT_SOCKET_CGROUPV2);
    nftnl_expr_set_u32(socket, NFTNL_EXPR_SOCKET_LEVEL, group.level());
    nftnl_expr_set_u32(socket, NFTNL_EXPR_SOCKET_DREG, NFT_REG_1);
    compare(NFT_CMP_EQ, &group.id, sizeof group.id);
  }
  void compare(std::uint32_t comparison, const void* data, std::uint32_t bytes) {
    nftnl_expr* cmp = add("cmp");
    nftnl_expr_set_u32(cmp, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
    nftnl_expr_set_u32(cmp, NFTNL_EXPR_CMP_OP, comparison);
    nftnl_expr_set(cmp, NFTNL_EXPR_CMP_DATA, data, bytes);
  }
  /// Within a network, of an address that is loaded.
  void is_within(const std::string& network, const std::string& mask) {
    const auto bytes = static_cast<std::uint32_t>(mask.size());
    const std::string nothing(mask.size(), '\0');
    nftnl_expr* bitwise = add("bitwise");
    nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
    nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
    nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_LEN, bytes);
    nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_MASK, mask.data(), bytes);
    nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_XOR, nothing.data(), bytes);
    compare(NFT_CMP_EQ, network.data(), bytes);
  }
  void is_port(std::uint32_t offset, std::uint16_t port) {
    load(NFT_PAYLOAD_TRANSPORT_HEADER, offset, sizeof port);
    const std::uint16_t wanted = htons(port);
    compare(NFT_CMP_EQ, &wanted, sizeof wanted);
  }
  void let_through() {
    nftnl_expr* verdict = add("immediate");
    nftnl_expr_set_u32(verdict, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
    nftnl_expr_set_u32(verdict, NFTNL_EXPR_IMM_VERDICT, NF_ACCEPT);
  }
  void count_and_queue(std::uint16_t number) {
    add("counter");
    nftnl_expr* target = add("target");
    nftnl_expr_set_str(target, NFTNL_EXPR_TG_NAME, "NFQUEUE");
    nftnl_expr_set_u32(target, NFTNL_EXPR_TG_REV, 3);
    constexpr std::size_t aligned = 8;
    auto* info = static_cast<xt_NFQ_info_v3*>(std::aligned_alloc(aligned, aligned));  // the expression frees it
    std::memset(info, 0, aligned);
    *info = {.queuenum = number, .queues_total = 1, .flags = NFQ_FLAG_BYPASS};
    nftnl_expr_set(target, NFTNL_EXPR_TG_INFO, info, aligned);
  }
  void write(Transaction& transaction, const Family& family) {
    nlmsghdr* message = transaction.begin(NFT_MSG_NEWRULE, family.number, NLM_F_CREATE | NLM_F_APPEND);
    nftnl_rule_nlmsg_build_payload(message, rule_.get());
    transaction.end(message);
  }

 private:
  nftnl_expr* add(const char* name) {
    nftnl_expr* expression = nftnl_expr_alloc(name);
    nftnl_rule_add_expr(rule_.get(), expression);  // the rule frees it
    return expression;
  }
  std::unique_ptr<nftnl_rule, Freed<nftnl_rule_free>> rule_;
};

void add_table(Transaction& transaction, const Family& family, const std::string& name, bool everybody,
               Duration timeout) {
  const std::unique_ptr<nftnl_table, Freed<nftnl_table_free>> table{nftnl_table_alloc()};
  nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, name.c_str());
  nftnl_table_set_u32(table.get(), NFTNL_TABLE_FLAGS, NFT_TABLE_F_OWNER);
  nlmsghdr* message = transaction.begin(NFT_MSG_NEWTABLE, family.number, NLM_F_CREATE | NLM_F_EXCL);
  nftnl_table_nlmsg_build_payload(message, table.get());
  transaction.end(message);

  const std::unique_ptr<nftnl_set, Freed<nftnl_set_free>> set{nftnl_set_alloc()};
  nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, name.c_str());
  nftnl_set_set_str(set.get(), NFTNL_SET_NAME, set_name);
  nftnl_set_set_u32(set.get(), NFTNL_SET_ID, 1);
  nftnl_set_set_u32(set.get(), NFTNL_SET_FLAGS, NFT_SET_TIMEOUT);
  nftnl_set_set_u32(set.get(), NFTNL_SET_KEY_TYPE, everybody ? family_key_type : family.key_type);
  nftnl_set_set_u32(set.get(), NFTNL_SET_KEY_LEN, everybody ? 1 : family.address_bytes);
  nftnl_set_set_u64(set.get(), NFTNL_SET_TIMEOUT, static_cast<std::uint64_t>(timeout / std::chrono::milliseconds{1}));
  message = transaction.begin(NFT_MSG_NEWSET, family.number, NLM_F_CREATE);
  nftnl_set_nlmsg_build_payload(message, set.get());
  transaction.end(message);

  const std::unique_ptr<nftnl_chain, Freed<nftnl_chain_free>> chain{nftnl_chain_alloc()};
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TABLE, name.c_str());
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_NAME, chain_name);
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TYPE, "filter");
  nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_HOOKNUM, NF_INET_LOCAL_IN);
  nftnl_chain_set_s32(chain.get(), NFTNL_CHAIN_PRIO, -300);  // what a filter of ours stops is not held before
  message = transaction.begin(NFT_MSG_NEWCHAIN, family.number, NLM_F_CREATE);
  nftnl_chain_nlmsg_build_payload(message, chain.get());
  transaction.end(message);
}

/// What is exempt, where packets arrive, comes by before any other rule.
void add_exemptions(Transaction& transaction, const Family& family, const std::string& table, const Traffic& traffic) {
  const auto let_through = [&](Rule rule) {
    rule.let_through();
    rule.write(transaction, family);
  };
  if (traffic.everybody) {
    constexpr std::uint16_t loopback = ARPHRD_LOOPBACK;
    Rule rule{family, table};
    rule.load_meta(NFT_META_IIFTYPE);
    rule.compare(NFT_CMP_EQ, &loopback, sizeof loopback);
    let_through(std::move(rule));
  }
  for (const auto port : traffic.exempt.ports) {
    for (const std::uint8_t transport : {IPPROTO_TCP, IPPROTO_UDP}) {
      for (const std::uint32_t offset : {0U, 2U}) {
        Rule rule{family, table};
        rule.transport(NFT_CMP_EQ, transport);
        rule.is_port(offset, port);
        let_through(std::move(rule));
      }
    }
  }
  const auto add_network = [&](const std::string& network, const std::string& mask) {
    Rule rule{family, table};
    rule.load(NFT_PAYLOAD_NETWORK_HEADER, family.address_offset, family.address_bytes);
    rule.is_within(network, mask);
    let_through(std::move(rule));
  };
  if (family.number == NFPROTO_IPV4) {
    for (const auto& each : traffic.exempt.v4) add_network(raw(each.network()), raw(each.netmask()));
    return;
  }
  for (const auto& each : traffic.exempt.v6) {
    std::string mask(family.address_bytes, '\0');
    for (int bit = 0; bit < each.prefix_length(); ++bit) {
      auto& byte = mask[static_cast<std::size_t>(bit) / 8];
      byte = static_cast<char>(static_cast<unsigned char>(byte) | 0x80U >> (bit % 8));
    }
    add_network(raw(each.network()), mask);
  }
}

void add_rules(Transaction& transaction, const Family& family, const std::string& table, const Traffic& traffic,
               std::uint16_t number) {
  add_exemptions(transaction, family, table, traffic);
  const auto begin = [&] {
    Rule rule{family, table};
    if (traffic.everybody) {
      rule.load_meta(NFT_META_NFPROTO);
    } else {
      rule.load(NFT_PAYLOAD_NETWORK_HEADER, family.address_offset, family.address_bytes);
    }
    rule.is_a_peer();
    if (traffic.group) rule.of(*traffic.group);
    return rule;
  };
  std::vector<std::uint8_t> transports;
  if (traffic.transport != Transport::udp) transports.push_back(IPPROTO_TCP);
  if (traffic.transport != Transport::tcp) transports.push_back(IPPROTO_UDP);
  if (traffic.transport == Transport::any && traffic.ports.empty()) {
    Rule rule = begin();
    if (family.number == NFPROTO_IPV6) rule.transport(NFT_CMP_NEQ, IPPROTO_ICMPV6);
    rule.count_and_queue(number);
    rule.write(transaction, family);
    return;
  }
  for (const auto transport : transports) {
    if (traffic.ports.empty()) {
      Rule rule = begin();
      rule.transport(NFT_CMP_EQ, transport);
      rule.count_and_queue(number);
      rule.write(transaction, family);
    }
    for (const auto port : traffic.ports) {
      for (const std::uint32_t offset : {0U, 2U}) {  // the source's, which is the peer's; the destination's
        if (offset != 0 && traffic.only_peers_ports) continue;
        Rule rule = begin();
        rule.transport(NFT_CMP_EQ, transport);
        rule.is_port(offset, port);
        rule.count_and_queue(number);
        rule.write(transaction, family);
      }
    }
  }
}

}  // namespace

QueueTable::QueueTable(UniqueFd fd, Traffic traffic, std::uint16_t number, Duration timeout)
    : fd_(std::move(fd)), name_(fresh_table_name()), traffic_(std::move(traffic)), number_(number), timeout_(timeout) {}

int QueueTable::keep() {
  Transaction transaction;
  std::set<std::uint16_t> made;
  for (const auto& family : families) {
    const auto keys = keys_of(traffic_, family);
    if (keys.empty()) continue;
    made.insert(family.number);
    if (made_.contains(family.number)) {
      flush_set(transaction, family, name_);
    } else {
      add_table(transaction, family, name_, traffic_.everybody, timeout_);
      add_rules(transaction, family, name_, traffic_, number_);
    }
    add_elements(transaction, family, name_, keys);
  }
  const int wrong = transaction.commit(fd_.get());
  if (wrong == 0) made_ = std::move(made);
  return wrong;
}

Result<QueueTable> QueueTable::start(Traffic traffic, std::uint16_t number, Duration timeout) {
  BOOST_OUTCOME_TRY(traffic, checked(std::move(traffic)));
  if (traffic.group) {
    BOOST_OUTCOME_TRY(still_there(*traffic.group));
  }
  UniqueFd fd{socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)};
  if (!fd) return system_error(ErrorKind::usage, "nftables", errno);
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUFFORCE, &send_buffer_bytes, sizeof send_buffer_bytes);
  QueueTable table{std::move(fd), std::move(traffic), number, timeout};
  if (const int wrong = table.keep(); wrong != 0) {
    return system_error(ErrorKind::usage, "nftables: a table with the target NFQUEUE", wrong);
  }
  return table;
}

Result<void> QueueTable::renew() {
  if (const int wrong = keep(); wrong != 0) return system_error(ErrorKind::lost, "nftables: " + name_, wrong);
  return success();
}

void QueueTable::add_peers(const std::vector<ip::address>& peers) {
  traffic_.peers.insert(traffic_.peers.end(), peers.begin(), peers.end());
}

Result<void> QueueTable::dry_up() {
  Transaction transaction;
  for (const auto& family : families) {
    if (made_.contains(family.number)) flush_set(transaction, family, name_);
  }
  if (const int wrong = transaction.commit(fd_.get()); wrong != 0) {
    return system_error(ErrorKind::lost, "nftables: " + name_, wrong);
  }
  return success();
}

Result<std::uint64_t> QueueTable::met() const {
  BOOST_OUTCOME_TRY(auto nft, Nftables::open());
  std::uint64_t sum = 0;
  for (const auto& family : families) {
    if (!made_.contains(family.number)) continue;
    const std::string kind = family.number == NFPROTO_IPV4 ? "ip " : "ip6 ";
    BOOST_OUTCOME_TRY(const auto text, nft.list("list chain " + kind + name_ + " " + chain_name));
    std::istringstream words{text};
    std::uint64_t packets = 0;
    for (std::string word; words >> word;) {
      if (word == "packets" && words >> packets) sum += packets;
    }
  }
  return sum;
}

Result<void> QueueTable::stop() {
  fd_.reset();
  if (auto gone = table_is_gone(name_); gone.has_error()) return Error{ErrorKind::unrestored, gone.error().context};
  return success();
}

}  // namespace troop::agents
