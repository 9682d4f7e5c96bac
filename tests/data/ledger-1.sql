-- A ledger as the first version of its schema wrote it: two runs on paper, then a pause.
BEGIN TRANSACTION;
CREATE TABLE cancels (
	seq INTEGER NOT NULL, 
	id VARCHAR NOT NULL, 
	at VARCHAR NOT NULL, 
	PRIMARY KEY (seq), 
	FOREIGN KEY(id) REFERENCES intents (id)
);
CREATE TABLE decisions (
	book VARCHAR NOT NULL, 
	session DATE NOT NULL, 
	at VARCHAR NOT NULL, 
	decision TEXT NOT NULL, 
	following TEXT, 
	since DATE NOT NULL, 
	late BOOLEAN NOT NULL, 
	equity VARCHAR NOT NULL, 
	prices TEXT NOT NULL, 
	portfolio TEXT NOT NULL, 
	marks TEXT NOT NULL, 
	numbers TEXT NOT NULL, 
	notes TEXT NOT NULL, 
	PRIMARY KEY (book, session)
);
INSERT INTO "decisions" VALUES('rotation','2026-09-30','2026-09-30T19:50:00.000000+00:00','{"targets":{"SMH":0.5,"INDA":0.5},"reason":"rotation","flags":[],"roles":{"BIL":"safe_haven"},"reserve":0.0,"locked":{},"lapses":false}','{"targets":{"SMH":0.5,"INDA":0.5},"reason":"rotation","flags":[],"roles":{"BIL":"safe_haven"},"reserve":0.0,"locked":{},"lapses":false}','2026-09-30',0,'25000','{"EWY":"118.87","EWT":"61.47","INDA":"59.05","FXI":"186.85","EWJ":"126.95","VGK":"209.93","VOO":"552.37","XLK":"182.19","SMH":"234.77","GLD":"463.88","SLV":"39.76","USO":"97.8","DBA":"31.47","XLE":"31.28","XLF":"276.72","ITA":"82.65","XLP":"81.41","XLU":"68.68","XLV":"73.79","IHI":"97.2","VNQ":"123.98","KRE":"101.67","BIL":"99.9","SPY":"586.52","EFA":"87.62","EEM":"55.09","AGG":"102.87"}','{"account":"practice","cash":"25000","settled":"25000","spendable":"25000","shares":{},"sellable":{},"hands_off":{},"others":[],"foreign_cash":{},"kind":null}','{"EWY":[117.55,0.009956403025683538,true],"EWT":[62.3,0.012462547302250779,true],"INDA":[59.39,0.015580509945112578,true],"FXI":[190.34,0.017566541447306995,true],"EWJ":[128.84,0.01356800876989306,true],"VGK":[211.73,0.01427639162637861,true],"VOO":[557.69,0.010078462738152353,true],"XLK":[185.06,0.015171502464715679,true],"SMH":[237.77,0.02036581252752811,true],"GLD":[455.95,0.008495752396442005,true],"SLV":[39.44,0.01617171112493213,true],"USO":[97.2,0.0147174578437962,true],"DBA":[31.77,0.005625652277403842,true],"XLE":[31.51,0.009691810522622822,true],"XLF":[276.91,0.013748795842984727,true],"ITA":[84.51,0.013643283683446706,true],"XLP":[82.28,0.0065925304031555975,true],"XLU":[68.53,0.007463592579296743,true],"XLV":[74.3,0.013040417141997676,true],"IHI":[96.41,0.011389683612677892,true],"VNQ":[125.84,0.013847645256296979,true],"KRE":[102.76,0.01137769199977544,true],"BIL":[99.88,5.041778626236269e-05,true]}','{"momentum.EWY":0.05817404888684857,"momentum.EWT":0.05555597478935479,"momentum.INDA":0.19692736049354184,"momentum.FXI":0.1867606768324089,"momentum.EWJ":0.05975311428654798,"momentum.VGK":0.119248496260732,"momentum.VOO":0.11586276269770081,"momentum.XLK":0.12915011920786906,"momentum.SMH":0.3778342062851628,"momentum.GLD":0.01533927750977688,"momentum.SLV":0.06175974943952879,"momentum.USO":0.08751590395558381,"momentum.DBA":0.004954243670072946,"momentum.XLE":0.06307998600527001,"momentum.XLF":0.09919147376980997,"momentum.ITA":0.04360146618174594,"momentum.XLP":0.06154669678407907,"momentum.XLU":0.03265240913874668,"momentum.XLV":0.17111030819533005,"momentum.IHI":0.08129461846676932,"momentum.VNQ":0.14533961657411087,"momentum.KRE":0.10061074474461029,"momentum.SPY":0.11328913445468287,"momentum.EFA":0.07259403465539167,"momentum.EEM":0.13892728755900793,"momentum.AGG":0.003813897345938803,"above_sma.EWY":1.0,"above_sma.EWT":1.0,"above_sma.INDA":1.0,"above_sma.FXI":1.0,"above_sma.EWJ":1.0,"above_sma.VGK":1.0,"above_sma.VOO":1.0,"above_sma.XLK":1.0,"above_sma.SMH":1.0,"above_sma.GLD":1.0,"above_sma.SLV":0.0,"above_sma.USO":1.0,"above_sma.DBA":0.0,"above_sma.XLE":1.0,"above_sma.XLF":1.0,"above_sma.ITA":1.0,"above_sma.XLP":1.0,"above_sma.XLU":1.0,"above_sma.XLV":1.0,"above_sma.IHI":1.0,"above_sma.VNQ":1.0,"above_sma.KRE":1.0,"above_sma.SPY":1.0,"above_sma.EFA":1.0,"above_sma.EEM":1.0,"above_sma.AGG":0.0,"canary.bad":0.0,"session.due":1.0}','[]');
INSERT INTO "decisions" VALUES('rotation','2026-10-01','2026-10-01T19:50:00.000000+00:00','{"hold":"not_due"}',NULL,'2026-10-01',0,'25045.3000','{"EWY":"117.14","EWT":"61.73","INDA":"59.33","FXI":"188.04","EWJ":"124.73","VGK":"208.57","VOO":"548.46","XLK":"180.64","SMH":"234.51","GLD":"468.98","SLV":"38.65","USO":"95.25","DBA":"31.65","XLE":"30.61","XLF":"276.77","ITA":"81.18","XLP":"80.72","XLU":"69.33","XLV":"73.37","IHI":"96.36","VNQ":"121.64","KRE":"100.17","BIL":"99.91","SPY":"582.91","EFA":"86.82","EEM":"54.44","AGG":"102.8"}','{"account":"practice","cash":"97.6400","settled":"97.6400","spendable":"97.6400","shares":{"SMH":"53","INDA":"211"},"sellable":{"SMH":"53","INDA":"211"},"hands_off":{},"others":[],"foreign_cash":{},"kind":null}','{"EWY":[118.87,0.00995426091873714,true],"EWT":[61.47,0.012833133253215485,true],"INDA":[59.05,0.015748302229045306,true],"FXI":[186.85,0.01756941783282501,true],"EWJ":[126.95,0.013939784920205821,true],"VGK":[209.93,0.014171835927787617,true],"VOO":[552.37,0.010316412911348341,true],"XLK":[182.19,0.015648943497533267,true],"SMH":[234.77,0.02090854105002953,true],"GLD":[463.88,0.009219346301658304,true],"SLV":[39.76,0.016152680106637007,true],"USO":[97.8,0.014131045560562891,true],"DBA":[31.47,0.0061157603388385965,true],"XLE":[31.28,0.009342856039835677,true],"XLF":[276.72,0.01377951978199097,true],"ITA":[82.65,0.014597452222589201,true],"XLP":[81.41,0.0071682400726283185,true],"XLU":[68.68,0.0073746415895347495,true],"XLV":[73.79,0.013252532941862256,true],"IHI":[97.2,0.011087973254368345,true],"VNQ":[123.98,0.014372941468338922,true],"KRE":[101.67,0.011816230747465843,true],"BIL":[99.9,5.03908275659983e-05,true]}','{"momentum.EWY":0.009225922931629804,"momentum.EWT":0.044844648548980896,"momentum.INDA":0.11480169615131568,"momentum.FXI":0.11183291116642041,"momentum.EWJ":0.023236574965074277,"momentum.VGK":0.06590872335292827,"momentum.VOO":0.05402789063635931,"momentum.XLK":0.06714591408808375,"momentum.SMH":0.18748281684463525,"momentum.GLD":0.0278952277921459,"momentum.SLV":-0.026511245655669535,"momentum.USO":0.04046396759974553,"momentum.DBA":0.0024579561265415852,"momentum.XLE":0.012588172326474759,"momentum.XLF":0.05079485380803739,"momentum.ITA":0.007005940789033195,"momentum.XLP":0.013494903064842648,"momentum.XLU":0.02291110728316171,"momentum.XLV":0.0836247937455326,"momentum.IHI":0.031215930672673912,"momentum.VNQ":0.05483584943437388,"momentum.KRE":0.030960946133725395,"momentum.SPY":0.052022684819475314,"momentum.EFA":0.03018317955986832,"momentum.EEM":0.05841024754508932,"momentum.AGG":-0.0027302510674420805,"above_sma.EWY":1.0,"above_sma.EWT":1.0,"above_sma.INDA":1.0,"above_sma.FXI":1.0,"above_sma.EWJ":1.0,"above_sma.VGK":1.0,"above_sma.VOO":1.0,"above_sma.XLK":1.0,"above_sma.SMH":1.0,"above_sma.GLD":1.0,"above_sma.SLV":0.0,"above_sma.USO":1.0,"above_sma.DBA":0.0,"above_sma.XLE":0.0,"above_sma.XLF":1.0,"above_sma.ITA":1.0,"above_sma.XLP":1.0,"above_sma.XLU":1.0,"above_sma.XLV":1.0,"above_sma.IHI":1.0,"above_sma.VNQ":1.0,"above_sma.KRE":1.0,"above_sma.SPY":1.0,"above_sma.EFA":1.0,"above_sma.EEM":1.0,"above_sma.AGG":0.0,"canary.bad":1.0,"session.due":0.0}','[]');
CREATE TABLE deliveries (
	"key" VARCHAR NOT NULL, 
	seq INTEGER NOT NULL, 
	at VARCHAR NOT NULL, 
	told INTEGER NOT NULL, 
	PRIMARY KEY ("key"), 
	FOREIGN KEY("key") REFERENCES outbox ("key"), 
	UNIQUE (seq)
);
INSERT INTO "deliveries" VALUES('rotation/2026-09-30/complete',1,'2026-09-30T20:05:00.000000+00:00',0);
INSERT INTO "deliveries" VALUES('rotation/2026-10-01/held',2,'2026-10-01T19:50:00.000000+00:00',1);
CREATE TABLE fills (
	execution VARCHAR NOT NULL, 
	seq INTEGER NOT NULL, 
	id VARCHAR NOT NULL, 
	book VARCHAR NOT NULL, 
	session DATE NOT NULL, 
	symbol VARCHAR NOT NULL, 
	action VARCHAR NOT NULL, 
	shares INTEGER NOT NULL, 
	price VARCHAR, 
	at VARCHAR NOT NULL, 
	PRIMARY KEY (execution), 
	UNIQUE (seq), 
	FOREIGN KEY(id) REFERENCES intents (id)
);
INSERT INTO "fills" VALUES('UI67VVA7LU27N66LQU6N4DSI6Q#53',1,'UI67VVA7LU27N66LQU6N4DSI6Q','rotation','2026-09-30','SMH','buy',53,'234.7700','2026-09-30T19:50:00.000000+00:00');
INSERT INTO "fills" VALUES('TTIC7YLJUGUTXIAZ6CCUIKCENC#211',2,'TTIC7YLJUGUTXIAZ6CCUIKCENC','rotation','2026-09-30','INDA','buy',211,'59.0500','2026-09-30T19:50:00.000000+00:00');
CREATE TABLE intents (
	id VARCHAR NOT NULL, 
	seq INTEGER NOT NULL, 
	book VARCHAR NOT NULL, 
	session DATE NOT NULL, 
	side VARCHAR NOT NULL, 
	symbol VARCHAR NOT NULL, 
	action VARCHAR NOT NULL, 
	shares INTEGER NOT NULL, 
	"limit" VARCHAR, 
	attempt INTEGER NOT NULL, 
	again BOOLEAN NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (seq)
);
INSERT INTO "intents" VALUES('UI67VVA7LU27N66LQU6N4DSI6Q',1,'rotation','2026-09-30','buy','SMH','buy',53,'235.47',1,0);
INSERT INTO "intents" VALUES('TTIC7YLJUGUTXIAZ6CCUIKCENC',2,'rotation','2026-09-30','buy','INDA','buy',211,'59.23',1,0);
CREATE TABLE outbox (
	"key" VARCHAR NOT NULL, 
	seq INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	book VARCHAR NOT NULL, 
	at VARCHAR NOT NULL, 
	text TEXT NOT NULL, 
	PRIMARY KEY ("key"), 
	UNIQUE (seq)
);
INSERT INTO "outbox" VALUES('rotation/2026-09-30/complete',1,'run','rotation','2026-09-30T20:05:00.000000+00:00','[PAPER] rotation practice · global_etf_rotation
Wed 2026-09-30: complete
decision: rebalance – rotation into the strongest
buys
buy 53 SMH at 235.47: filled 53 of 53 @ 234.77
buy 211 INDA at 59.23: filled 211 of 211 @ 59.05
cash 97.64 of equity 25,000.00
next: Thu 2026-10-01, 15:45 New York');
INSERT INTO "outbox" VALUES('rotation/2026-10-01/held',2,'no_trade','rotation','2026-10-01T19:50:00.000000+00:00','[PAPER] rotation practice · global_etf_rotation
Thu 2026-10-01: nothing to do – not a rebalance session of this profile
next: Fri 2026-10-02, 15:45 New York');
CREATE TABLE outcomes (
	seq INTEGER NOT NULL, 
	book VARCHAR NOT NULL, 
	session DATE NOT NULL, 
	outcome VARCHAR NOT NULL, 
	at VARCHAR NOT NULL, 
	notes TEXT NOT NULL, 
	prices TEXT NOT NULL, 
	portfolio TEXT, 
	asked INTEGER NOT NULL, 
	filled INTEGER NOT NULL, 
	bought TEXT NOT NULL, 
	PRIMARY KEY (seq)
);
INSERT INTO "outcomes" VALUES(1,'rotation','2026-09-30','complete','2026-09-30T20:05:00.000000+00:00','[]','{"EWY":"118.87","EWT":"61.47","INDA":"59.05","FXI":"186.85","EWJ":"126.95","VGK":"209.93","VOO":"552.37","XLK":"182.19","SMH":"234.77","GLD":"463.88","SLV":"39.76","USO":"97.8","DBA":"31.47","XLE":"31.28","XLF":"276.72","ITA":"82.65","XLP":"81.41","XLU":"68.68","XLV":"73.79","IHI":"97.2","VNQ":"123.98","KRE":"101.67","BIL":"99.9","SPY":"586.52","EFA":"87.62","EEM":"55.09","AGG":"102.87"}','{"account":"practice","cash":"97.6400","settled":"97.6400","spendable":"97.6400","shares":{"SMH":"53","INDA":"211"},"sellable":{"SMH":"53","INDA":"211"},"hands_off":{},"others":[],"foreign_cash":{},"kind":null}',2,2,'{"SMH":53,"INDA":211}');
INSERT INTO "outcomes" VALUES(2,'rotation','2026-10-01','held','2026-10-01T19:50:00.000000+00:00','[]','{"EWY":"117.14","EWT":"61.73","INDA":"59.33","FXI":"188.04","EWJ":"124.73","VGK":"208.57","VOO":"548.46","XLK":"180.64","SMH":"234.51","GLD":"468.98","SLV":"38.65","USO":"95.25","DBA":"31.65","XLE":"30.61","XLF":"276.77","ITA":"81.18","XLP":"80.72","XLU":"69.33","XLV":"73.37","IHI":"96.36","VNQ":"121.64","KRE":"100.17","BIL":"99.91","SPY":"582.91","EFA":"86.82","EEM":"54.44","AGG":"102.8"}','{"account":"practice","cash":"97.6400","settled":"97.6400","spendable":"97.6400","shares":{"SMH":"53","INDA":"211"},"sellable":{"SMH":"53","INDA":"211"},"hands_off":{},"others":[],"foreign_cash":{},"kind":null}',2,2,'{"SMH":53,"INDA":211}');
CREATE TABLE owed (
	outcome INTEGER NOT NULL, 
	book VARCHAR NOT NULL, 
	session DATE NOT NULL, 
	targets TEXT, 
	since DATE, 
	expires DATE, 
	unfinished TEXT, 
	PRIMARY KEY (outcome), 
	FOREIGN KEY(outcome) REFERENCES outcomes (seq)
);
CREATE TABLE plans (
	book VARCHAR NOT NULL, 
	session DATE NOT NULL, 
	side VARCHAR NOT NULL, 
	inputs TEXT NOT NULL, 
	notes TEXT NOT NULL, 
	PRIMARY KEY (book, session, side)
);
INSERT INTO "plans" VALUES('rotation','2026-09-30','sell','{"cash":{"decimal":"25000"},"settled":{"decimal":"25000"},"proceeds":{"decimal":"0"},"pledged":{"decimal":"0"},"left":{"decimal":"0"},"price.EWY":{"decimal":"118.87"},"price.EWT":{"decimal":"61.47"},"price.INDA":{"decimal":"59.05"},"price.FXI":{"decimal":"186.85"},"price.EWJ":{"decimal":"126.95"},"price.VGK":{"decimal":"209.93"},"price.VOO":{"decimal":"552.37"},"price.XLK":{"decimal":"182.19"},"price.SMH":{"decimal":"234.77"},"price.GLD":{"decimal":"463.88"},"price.SLV":{"decimal":"39.76"},"price.USO":{"decimal":"97.8"},"price.DBA":{"decimal":"31.47"},"price.XLE":{"decimal":"31.28"},"price.XLF":{"decimal":"276.72"},"price.ITA":{"decimal":"82.65"},"price.XLP":{"decimal":"81.41"},"price.XLU":{"decimal":"68.68"},"price.XLV":{"decimal":"73.79"},"price.IHI":{"decimal":"97.2"},"price.VNQ":{"decimal":"123.98"},"price.KRE":{"decimal":"101.67"},"price.BIL":{"decimal":"99.9"},"price.SPY":{"decimal":"586.52"},"price.EFA":{"decimal":"87.62"},"price.EEM":{"decimal":"55.09"},"price.AGG":{"decimal":"102.87"}}','[]');
INSERT INTO "plans" VALUES('rotation','2026-09-30','buy','{"cash":{"decimal":"25000"},"settled":{"decimal":"25000"},"proceeds":{"decimal":"0"},"pledged":{"decimal":"0"},"left":{"decimal":"22.56"},"price.EWY":{"decimal":"118.87"},"price.EWT":{"decimal":"61.47"},"price.INDA":{"decimal":"59.05"},"price.FXI":{"decimal":"186.85"},"price.EWJ":{"decimal":"126.95"},"price.VGK":{"decimal":"209.93"},"price.VOO":{"decimal":"552.37"},"price.XLK":{"decimal":"182.19"},"price.SMH":{"decimal":"234.77"},"price.GLD":{"decimal":"463.88"},"price.SLV":{"decimal":"39.76"},"price.USO":{"decimal":"97.8"},"price.DBA":{"decimal":"31.47"},"price.XLE":{"decimal":"31.28"},"price.XLF":{"decimal":"276.72"},"price.ITA":{"decimal":"82.65"},"price.XLP":{"decimal":"81.41"},"price.XLU":{"decimal":"68.68"},"price.XLV":{"decimal":"73.79"},"price.IHI":{"decimal":"97.2"},"price.VNQ":{"decimal":"123.98"},"price.KRE":{"decimal":"101.67"},"price.BIL":{"decimal":"99.9"},"price.SPY":{"decimal":"586.52"},"price.EFA":{"decimal":"87.62"},"price.EEM":{"decimal":"55.09"},"price.AGG":{"decimal":"102.87"}}','[]');
CREATE TABLE reports (
	seq INTEGER NOT NULL, 
	id VARCHAR NOT NULL, 
	at VARCHAR NOT NULL, 
	symbol VARCHAR NOT NULL, 
	action VARCHAR NOT NULL, 
	shares INTEGER NOT NULL, 
	"limit" VARCHAR, 
	status VARCHAR NOT NULL, 
	filled INTEGER NOT NULL, 
	average_price VARCHAR, 
	commission VARCHAR NOT NULL, 
	entered_at VARCHAR, 
	reason TEXT NOT NULL, 
	broker_id VARCHAR NOT NULL, 
	client_id VARCHAR NOT NULL, 
	PRIMARY KEY (seq), 
	FOREIGN KEY(id) REFERENCES intents (id)
);
INSERT INTO "reports" VALUES(1,'UI67VVA7LU27N66LQU6N4DSI6Q','2026-09-30T19:50:00.000000+00:00','SMH','buy',53,'235.47','filled',53,'234.7700','0','2026-09-30T19:50:00.000000+00:00','','paper-1','UI67VVA7LU27N66LQU6N4DSI6Q');
INSERT INTO "reports" VALUES(2,'TTIC7YLJUGUTXIAZ6CCUIKCENC','2026-09-30T19:50:00.000000+00:00','INDA','buy',211,'59.23','filled',211,'59.0500','0','2026-09-30T19:50:00.000000+00:00','','paper-2','TTIC7YLJUGUTXIAZ6CCUIKCENC');
CREATE TABLE resolutions (
	id VARCHAR NOT NULL, 
	at VARCHAR NOT NULL, 
	who VARCHAR NOT NULL, 
	filled INTEGER NOT NULL, 
	price VARCHAR, 
	PRIMARY KEY (id), 
	FOREIGN KEY(id) REFERENCES sent (id)
);
CREATE TABLE sent (
	id VARCHAR NOT NULL, 
	seq INTEGER NOT NULL, 
	book VARCHAR NOT NULL, 
	at VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(id) REFERENCES intents (id), 
	UNIQUE (seq)
);
INSERT INTO "sent" VALUES('UI67VVA7LU27N66LQU6N4DSI6Q',1,'rotation','2026-09-30T19:50:00.000000+00:00');
INSERT INTO "sent" VALUES('TTIC7YLJUGUTXIAZ6CCUIKCENC',2,'rotation','2026-09-30T19:50:00.000000+00:00');
CREATE TABLE switches (
	seq INTEGER NOT NULL, 
	book VARCHAR NOT NULL, 
	switch VARCHAR NOT NULL, 
	reason TEXT NOT NULL, 
	at VARCHAR NOT NULL, 
	PRIMARY KEY (seq)
);
INSERT INTO "switches" VALUES(1,'rotation','paused','lunch','2026-10-01T19:50:00.000000+00:00');
CREATE INDEX intents_of_run ON intents (book, session, seq);
CREATE INDEX outcomes_of_book ON outcomes (book, seq);
CREATE INDEX outcomes_by_kind ON outcomes (book, outcome, session);
CREATE INDEX outcomes_of_run ON outcomes (book, session, seq);
CREATE INDEX switches_by_book ON switches (book, seq);
CREATE INDEX sent_by_book ON sent (book, seq);
CREATE INDEX cancels_of_order ON cancels (id, seq);
CREATE INDEX reports_of_order ON reports (id, seq);
CREATE INDEX fills_by_book ON fills (book, seq);
CREATE INDEX fills_by_session ON fills (book, session, symbol);
CREATE INDEX owed_by_book ON owed (book, outcome);
CREATE TRIGGER decisions_no_update BEFORE UPDATE ON decisions BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER decisions_no_delete BEFORE DELETE ON decisions BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER plans_no_update BEFORE UPDATE ON plans BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER plans_no_delete BEFORE DELETE ON plans BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER intents_no_update BEFORE UPDATE ON intents BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER intents_no_delete BEFORE DELETE ON intents BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER sent_no_update BEFORE UPDATE ON sent BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER sent_no_delete BEFORE DELETE ON sent BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER cancels_no_update BEFORE UPDATE ON cancels BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER cancels_no_delete BEFORE DELETE ON cancels BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER reports_no_update BEFORE UPDATE ON reports BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER reports_no_delete BEFORE DELETE ON reports BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER fills_no_update BEFORE UPDATE ON fills BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER fills_no_delete BEFORE DELETE ON fills BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER outcomes_no_update BEFORE UPDATE ON outcomes BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER outcomes_no_delete BEFORE DELETE ON outcomes BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER owed_no_update BEFORE UPDATE ON owed BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER owed_no_delete BEFORE DELETE ON owed BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER resolutions_no_update BEFORE UPDATE ON resolutions BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER resolutions_no_delete BEFORE DELETE ON resolutions BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER switches_no_update BEFORE UPDATE ON switches BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER switches_no_delete BEFORE DELETE ON switches BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER outbox_no_update BEFORE UPDATE ON outbox BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER outbox_no_delete BEFORE DELETE ON outbox BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER deliveries_no_update BEFORE UPDATE ON deliveries BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER deliveries_no_delete BEFORE DELETE ON deliveries BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
COMMIT;
PRAGMA user_version = 1;
