// An AMQP client of the plainest kind, for what a test does to a broker behind the workers' backs.
#pragma once

#include <amqp.h>
#include <amqp_tcp_socket.h>

#include <string>

#include "agents/rabbitmq/client.hpp"

namespace troop::test {

class PlainAmqp {
 public:
  static constexpr amqp_channel_t channel = 1;

  /// `name` is what the broker calls its connection; it is told of blocked connections then.
  explicit PlainAmqp(const agents::AmqpAddress& broker, const char* name = "") : connection_(amqp_new_connection()) {
    amqp_socket_t* socket = amqp_tcp_socket_new(connection_);
    if (socket == nullptr || amqp_socket_open(socket, "127.0.0.1", broker.port) != AMQP_STATUS_OK) return;
    amqp_table_entry_t blocked{amqp_cstring_bytes("connection.blocked"), {AMQP_FIELD_KIND_BOOLEAN, {}}};
    blocked.value.value.boolean = 1;
    amqp_table_entry_t properties[2]{{amqp_cstring_bytes("connection_name"), {AMQP_FIELD_KIND_UTF8, {}}},
                                     {amqp_cstring_bytes("capabilities"), {AMQP_FIELD_KIND_TABLE, {}}}};
    properties[0].value.value.bytes = amqp_cstring_bytes(name);
    properties[1].value.value.table = {1, &blocked};
    const amqp_table_t table{*name == '\0' ? 0 : 2, properties};
    const auto reply =
        amqp_login_with_properties(connection_, broker.vhost.c_str(), 0, AMQP_DEFAULT_FRAME_SIZE, 0, &table,
                                   AMQP_SASL_METHOD_PLAIN, broker.user.c_str(), broker.password.c_str());
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) return;
    amqp_channel_open(connection_, channel);
    good_ = answered();
  }
  ~PlainAmqp() {
    if (good_) amqp_connection_close(connection_, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(connection_);
  }
  PlainAmqp(const PlainAmqp&) = delete;
  PlainAmqp& operator=(const PlainAmqp&) = delete;

  [[nodiscard]] bool good() const { return good_; }
  amqp_connection_state_t get() { return connection_; }
  [[nodiscard]] bool answered() const { return amqp_get_rpc_reply(connection_).reply_type == AMQP_RESPONSE_NORMAL; }

  /// Not durable, without arguments.
  bool declare_queue(const std::string& name) {
    amqp_queue_declare(connection_, channel, amqp_cstring_bytes(name.c_str()), 0, 0, 0, 0, amqp_empty_table);
    return answered();
  }
  bool delete_queue(const std::string& name) {
    amqp_queue_delete(connection_, channel, amqp_cstring_bytes(name.c_str()), 0, 0);
    return answered();
  }
  bool delete_exchange(const std::string& name) {
    amqp_exchange_delete(connection_, channel, amqp_cstring_bytes(name.c_str()), 0);
    return answered();
  }
  bool publish(const std::string& queue, const std::string& body) {
    return amqp_basic_publish(connection_, channel, amqp_empty_bytes, amqp_cstring_bytes(queue.c_str()), 0, 0, nullptr,
                              amqp_cstring_bytes(body.c_str())) == AMQP_STATUS_OK;
  }
  /// Takes one message and keeps it unacknowledged until the connection closes. False: none came within 20 s.
  bool hold_one(const std::string& queue) {
    amqp_basic_qos(connection_, channel, 0, 1, 0);
    if (!answered()) return false;
    amqp_basic_consume(connection_, channel, amqp_cstring_bytes(queue.c_str()), amqp_empty_bytes, 0, 0, 0,
                       amqp_empty_table);
    if (!answered()) return false;
    amqp_envelope_t envelope;
    const timeval limit{20, 0};
    if (amqp_consume_message(connection_, &envelope, &limit, 0).reply_type != AMQP_RESPONSE_NORMAL) return false;
    amqp_destroy_envelope(&envelope);
    return true;
  }

 private:
  amqp_connection_state_t connection_;
  bool good_ = false;
};

}  // namespace troop::test
