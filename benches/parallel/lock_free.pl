# Seconds to take and give back a lock that nobody else wants.
use strict; use warnings; use Time::HiRes 'time'; use MCE::Mutex;
my $lock = MCE::Mutex->new;
sub times_of { for (1 .. $_[0]) { $lock->lock; $lock->unlock } }
times_of(1000);
my $start = time;
times_of(100_000);
print +(time - $start) / 100_000, "\n";
