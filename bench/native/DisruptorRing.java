/*
 * The case raw/128B/1 with LMAX Disruptor: one thread copies messages of 128 bytes into preallocated events of a ring of 4 MiB,
 * another copies each out and sums its last byte. Prints messages per second, and the sum.
 *
 * java -cp disruptor.jar DisruptorRing.java MESSAGES
 */
import com.lmax.disruptor.RingBuffer;
import com.lmax.disruptor.YieldingWaitStrategy;
import com.lmax.disruptor.dsl.Disruptor;
import com.lmax.disruptor.dsl.ProducerType;
import com.lmax.disruptor.util.DaemonThreadFactory;
import java.util.concurrent.CountDownLatch;

public final class DisruptorRing {
  private static final int MESSAGE_BYTES = 128;
  private static final int SLOTS = 4 * 1024 * 1024 / MESSAGE_BYTES;

  private static final class Message {
    final byte[] bytes = new byte[MESSAGE_BYTES];
  }

  private static int checksum;

  public static void main(String[] arguments) throws InterruptedException {
    long messages = Long.parseLong(arguments[0]);
    // Twice: the first time is the compiler's.
    run(messages);
    double rate = run(messages);
    System.out.printf("{\"rate\":%.0f,\"checksum\":%d}", rate, Integer.toUnsignedLong(checksum));
  }

  private static double run(long messages) throws InterruptedException {
    CountDownLatch done = new CountDownLatch(1);
    byte[] read = new byte[MESSAGE_BYTES];
    int[] sum = {0};
    Disruptor<Message> disruptor =
        new Disruptor<>(
            Message::new, SLOTS, DaemonThreadFactory.INSTANCE, ProducerType.SINGLE, new YieldingWaitStrategy());
    disruptor.handleEventsWith(
        (message, sequence, endOfBatch) -> {
          System.arraycopy(message.bytes, 0, read, 0, MESSAGE_BYTES);
          sum[0] += read[MESSAGE_BYTES - 1] & 0xff;
          if (sequence == messages - 1) done.countDown();
        });
    RingBuffer<Message> ring = disruptor.start();
    byte[] written = new byte[MESSAGE_BYTES];
    long start = System.nanoTime();
    for (long at = 0; at < messages; at++) {
      long sequence = ring.next();
      written[MESSAGE_BYTES - 1] = (byte) at;
      System.arraycopy(written, 0, ring.get(sequence).bytes, 0, MESSAGE_BYTES);
      ring.publish(sequence);
    }
    done.await();
    double rate = messages / ((System.nanoTime() - start) / 1e9);
    disruptor.shutdown();
    checksum = sum[0];
    return rate;
  }
}
