import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Java's own clients, as they are by default: ordinary requests offer an upgrade to h2c. The argument is an http URL. Prints
 * a line for each answer.
 */
public class JavaClient {
    public static void main(String[] args) throws Exception {
        URI page = URI.create(args[0]);
        HttpClient client = HttpClient.newHttpClient();
        HttpRequest get = HttpRequest.newBuilder(page).build();
        HttpRequest post = HttpRequest.newBuilder(page)
            .POST(HttpRequest.BodyPublishers.ofString("hello"))
            .build();
        for (HttpRequest request : new HttpRequest[] { get, post, get }) {
            HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
            System.out.println(response.version() + " " + response.statusCode() + " " + response.body());
        }
        CompletableFuture<Void> closed = new CompletableFuture<>();
        WebSocket.Listener listener = new WebSocket.Listener() {
            @Override
            public CompletionStage<?> onText(WebSocket socket, CharSequence text, boolean last) {
                System.out.println("message " + text);
                socket.request(1);
                return socket.sendClose(WebSocket.NORMAL_CLOSURE, "done");
            }

            @Override
            public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
                System.out.println("closed " + code + " " + reason);
                closed.complete(null);
                return null;
            }

            @Override
            public void onError(WebSocket socket, Throwable error) {
                closed.completeExceptionally(error);
            }
        };
        URI chat = URI.create(args[0].replaceFirst("^http", "ws"));
        WebSocket socket = client.newWebSocketBuilder().buildAsync(chat, listener).join();
        socket.sendText("握手", true).join();
        closed.join();
        // The threads of the client may still wait for more.
        System.exit(0);
    }
}
