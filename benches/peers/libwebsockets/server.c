/* libwebsockets: /echo, and /broadcast to all who are there. A message is shared by all queues it
 * stands in, and written when the library says that the socket can take it.
 *
 *   peer PORT             without TLS and compression
 *   peer PORT CERT KEY    with TLS: the files of the certificate and of its key
 *   peer PORT --deflate   messages are compressed at the fastest level, which is the library's
 *                         default. The client says whether they may refer to earlier ones. */
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

struct message {
  size_t owners, len;
  int is_binary;
  unsigned char bytes[]; /* LWS_PRE bytes of room for the header, then the payload */
};

struct entry {
  struct message *message;
  struct entry *next;
};

struct peer {
  struct lws *socket;
  int is_member;
  struct peer *previous, *next; /* on /broadcast */
  struct message *incoming;     /* what has come of a message */
  size_t room;
  struct entry *first, **end; /* what is to be written */
};

static struct peer *members;

static void release(struct message *message) {
  if (--message->owners == 0) free(message);
}

static void queue(struct peer *peer, struct message *message) {
  struct entry *entry = malloc(sizeof *entry);
  if (!entry) abort();
  *entry = (struct entry){message, NULL};
  message->owners++;
  *peer->end = entry;
  peer->end = &entry->next;
  lws_callback_on_writable(peer->socket);
}

static void join(struct peer *peer, struct lws *socket) {
  char path[32] = "";
  lws_hdr_copy(socket, path, sizeof path, WSI_TOKEN_GET_URI);
  *peer = (struct peer){.socket = socket, .is_member = !strcmp(path, "/broadcast")};
  peer->end = &peer->first;
  if (!peer->is_member) return;
  peer->next = members;
  if (members) members->previous = peer;
  members = peer;
}

static void leave(struct peer *peer) {
  if (peer->is_member) {
    if (peer->next) peer->next->previous = peer->previous;
    if (peer->previous) peer->previous->next = peer->next;
    else members = peer->next;
  }
  while (peer->first) {
    struct entry *entry = peer->first;
    peer->first = entry->next;
    release(entry->message);
    free(entry);
  }
  free(peer->incoming);
}

static void receive(struct peer *peer, const void *bytes, size_t len) {
  size_t have = peer->incoming ? peer->incoming->len : 0;
  if (!peer->incoming || have + len > peer->room) {
    /* The rest of the frame is known, so that a large one is moved once. */
    peer->room = have + len + lws_remaining_packet_payload(peer->socket);
    peer->incoming = realloc(peer->incoming, sizeof(struct message) + LWS_PRE + peer->room);
    if (!peer->incoming) abort();
  }
  struct message *message = peer->incoming;
  memcpy(message->bytes + LWS_PRE + have, bytes, len);
  message->len = have + len;
  if (!lws_is_final_fragment(peer->socket) || lws_remaining_packet_payload(peer->socket)) return;
  message->owners = 1;
  message->is_binary = lws_frame_is_binary(peer->socket);
  peer->incoming = NULL;
  if (peer->is_member)
    for (struct peer *member = members; member; member = member->next) queue(member, message);
  else
    queue(peer, message);
  release(message);
}

static int write_next(struct peer *peer) {
  struct entry *entry = peer->first;
  if (!entry) return 0;
  struct message *message = entry->message;
  enum lws_write_protocol kind = message->is_binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
  int written = lws_write(peer->socket, message->bytes + LWS_PRE, message->len, kind);
  if (written < (int)message->len) return -1;
  peer->first = entry->next;
  if (!peer->first) peer->end = &peer->first;
  else lws_callback_on_writable(peer->socket);
  release(message);
  free(entry);
  return 0;
}

static int on_event(struct lws *socket, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len) {
  switch ((int)reason) {
  case LWS_CALLBACK_ESTABLISHED: join(user, socket); break;
  case LWS_CALLBACK_CLOSED: leave(user); break;
  case LWS_CALLBACK_RECEIVE: receive(user, in, len); break;
  case LWS_CALLBACK_SERVER_WRITEABLE: return write_next(user);
  }
  return 0;
}

int main(int count, char **words) {
  static const struct lws_protocols protocols[] = {
      {.name = "peer", .callback = on_event, .per_session_data_size = sizeof(struct peer),
       .rx_buffer_size = 65536},
      {0}};
  static const struct lws_extension extensions[] = {
      {"permessage-deflate", lws_extension_callback_pm_deflate, "permessage-deflate"}, {0}};
  int is_deflating = count == 3 && !strcmp(words[2], "--deflate");
  struct lws_context_creation_info info = {
      .port = count == 2 || count == 4 || is_deflating ? atoi(words[1]) : 0,
      .iface = "127.0.0.1",
      .protocols = protocols,
      .options = LWS_SERVER_OPTION_VALIDATE_UTF8,
      .pt_serv_buf_size = 65536,
  };
  if (is_deflating) info.extensions = extensions;
  if (count == 4) {
    info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.ssl_cert_filepath = words[2];
    info.ssl_private_key_filepath = words[3];
  }
  lws_set_log_level(LLL_ERR, NULL);
  struct lws_context *context = info.port ? lws_create_context(&info) : NULL;
  if (!context) return 1;
  while (lws_service(context, 0) >= 0) {
  }
  return 0;
}
